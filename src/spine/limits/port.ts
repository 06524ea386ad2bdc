import type { Verdict, Want } from './contract.ts';

export type { Want };

/** What a store says of one question. `leaseMs`: how long what it granted may be used when it was taken ahead. */
export interface Granted extends Verdict { readonly leaseMs: number }

/**
 * Buckets that all processes share, on the clock of the store and never on the caller's. Rejects when it cannot say; what holds then is the
 * policy's own word. Keys are keyed hashes.
 */
export interface LimitStore {
  readonly name: string;
  take(wants: readonly Want[]): Promise<readonly Granted[]>;
  /** The server's own name and version. */
  about(): Promise<string>;
  close(): Promise<void>;
}
