export * from './contract.ts';
export { dead, drop, retry } from './service/desk.ts';
