import { token } from '#kernel';

/**
 * Keeps bytes outside the database. Called outside transactions only. Every method throws Unavailable when the store cannot be reached (NotSent
 * while it is left alone), and an Error when it refuses; a put that was not heard of may be made again under the same key.
 */
export interface ObjectStore {
  readonly name: string;
  /** Keeps bytes under a key where there is nothing yet; 'exists' says that something stood there and stays. All of the bytes are kept, or none. */
  put(key: string, bytes: Uint8Array): Promise<'made' | 'exists'>;
  get(key: string): Promise<Buffer | undefined>;
  /** Whether something is under a key, without fetching it. */
  has(key: string): Promise<boolean>;
  /** Removes what is under a key; nothing there is no fault. */
  remove(key: string): Promise<void>;
}
export const ObjectStore = token<ObjectStore>('objects.store');
