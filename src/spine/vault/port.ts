import { token } from '#kernel';

/**
 * The key-encryption key: wraps and unwraps data keys and never leaves its keeper. The local file ships for the demo and
 * for development; production names a key service.
 */
export interface Kek {
  /** Names the key that wraps now; stands in every wrapped key. May hold colons. */
  readonly keyId: string;
  /** Wraps a data key for a context that must be given again to unwrap it. */
  wrap(key: Buffer, context: string): Promise<string>;
  unwrap(wrapped: string, context: string): Promise<Buffer>;
}
export const Kek = token<Kek>('kek');
