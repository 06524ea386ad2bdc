export * from './contract.ts';
export { getObject, putObject, removeObject } from './service.ts';
