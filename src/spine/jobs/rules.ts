import { BACKOFF_MS_MAX } from './contract.ts';

/** Milliseconds before try `attempts + 1`; `unit` in [0, 1) spreads the tries. */
export const backoffMs = (attempts: number, unit: number): number => {
  const whole = Math.min(BACKOFF_MS_MAX, 1000 * 2 ** Math.min(attempts, 20));
  return Math.round(whole * (0.8 + 0.4 * unit));
};
