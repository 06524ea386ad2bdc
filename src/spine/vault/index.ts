export * from './contract.ts';
export { SealBroken } from './rules.ts';
export { heldSubjectKey, keyIdOf, loadTenantKeys, makeSubjectKeys, subjectKeys, tenantKeys, vaultState } from './service.ts';
