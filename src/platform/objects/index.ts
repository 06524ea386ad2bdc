export * from './contract.ts';
export { copyObjects, getObject, hasObject, putObject, removeObject, type Copied } from './service.ts';
