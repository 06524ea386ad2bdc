export * from './contract.ts';
export { pay } from './service/transfer.ts';
