export * from './contract.ts';
export { SealBroken } from './rules.ts';
export {
  heldSubjectKey, keyIdOf, loadTenantKeys, makeSubjectKeys, refreshTenantKeys, subjectKeys, tenantKeys, vaultState,
} from './service/keys.ts';
export { KeyDays, listTenantKeys, rotateTenantKey, type ListedKey } from './service/rotate.ts';
