import { expect, it } from 'vitest';
import { createSignal, systemClock } from './clock.ts';

const never = new AbortController().signal;
it('a signal wakes all who wait, and none who come later', async () => {
  const signal = createSignal(systemClock);
  const woken = Promise.all([signal.wait(60_000, never), signal.wait(60_000, never)]);
  signal.wake();
  signal.wake();
  await woken;
  const from = systemClock.monotonicMs();
  await signal.wait(30, never);
  expect(systemClock.monotonicMs() - from).toBeGreaterThan(20);
});
it('a signal lets go of who is told to end, before and while waiting', async () => {
  const signal = createSignal(systemClock);
  await signal.wait(60_000, AbortSignal.abort());
  const ending = new AbortController();
  const waiting = signal.wait(60_000, ending.signal);
  ending.abort();
  await waiting;
});
