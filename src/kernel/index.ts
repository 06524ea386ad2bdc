export * from './money.ts';
export * from './clock.ts';
export * from './random.ts';
