export * from './contract.ts';
export { normalizeIdentifier } from './rules.ts';
export { enrol, ensureDecoy, findPersons, readProfile } from './service/enrol.ts';
export { ensureMachine, signatureHeaders, type MachineKey } from './service/machine.ts';
export { vouchedFor } from './service/session.ts';
