import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';

/** Memory only. `serialize` is its own default (true: each read is a value of its own); false keeps values as they are, its fastest way. */
export const makeBento = (serialize) => new BentoCache({
  default: 'memory', stores: { memory: bentostore().useL1Layer(memoryDriver({ maxItems: 10_000, maxSize: undefined, serialize })) },
});
