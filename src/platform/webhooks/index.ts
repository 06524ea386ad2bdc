export * from './contract.ts';
export { newSecret, signature, signingKey } from './rules.ts';
