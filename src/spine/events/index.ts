export * from './contract.ts';
export { readOutward, readSettled, whenInsertersEnd } from './service/log.ts';
export { decideParked } from './service/desk.ts';
export { watchEvents } from './service/watch.ts';
export { openCursor, replayFrom, takeMessages } from './store.ts';
export { memoryBus, notifyBus, toldSignal, type ToldSignal } from './service/wake.ts';
