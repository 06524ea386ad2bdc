export * from './contract.ts';
export { normalizeIdentifier } from './rules.ts';
export { enrol, ensureDecoy, findPersons, readProfile } from './service/enrol.ts';
export { addMachine, disableMachine, ensureMachine, machines, signatureHeaders, type ListedMachine, type MachineKey } from './service/machine.ts';
export { vouchedFor } from './service/session.ts';
