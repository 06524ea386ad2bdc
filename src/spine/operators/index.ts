export * from './contract.ts';
export { changeRole, disableOperator, enableOperator, inviteOperator, operators, relinkOperator, type ListedOperator } from './service/invite.ts';
export { permissionsOf } from './service/session.ts';
export { totpCode } from './rules.ts';
export { roles } from './data/roles.ts';
