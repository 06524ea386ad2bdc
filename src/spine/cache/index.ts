export * from './contract.ts';
export { createCache } from './service/fenced.ts';
export { createTiered, type TieredOptions } from './service/tiered.ts';
export { followCache, type Changed } from './service/follow.ts';
export { memorySecondLevel } from './service/memory.ts';
