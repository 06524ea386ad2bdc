export * from './contract.ts';
export { claim, list, open } from './service/accounts.ts';
export { topUp } from './service/orders.ts';
export { pay, transfer } from './service/transfer.ts';
export { eodBatch, showEod, startEod } from './service/eod.ts';
export { endImport, importEntries, screenHolders, type ListEntry } from './service/screening.ts';
