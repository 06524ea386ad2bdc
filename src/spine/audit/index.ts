export * from './contract.ts';
export { lookedAt } from './service/search.ts';
export { doneBefore, eachFact, factsOfTrace, type DoneFact, type FactPlace, type ReadFact, type TraceFact } from './service/read.ts';
export { sequence, keepHead } from './service/sequence.ts';
export { verifyChain } from './service/verify.ts';
export { Spool } from './service/spool.ts';
