export * from './contract.ts';
export { sequence, keepHead } from './service/sequence.ts';
export { verifyChain } from './service/verify.ts';
