import { token } from '#kernel';

/** What the second level knows of a key. `fence` goes back with a fill: it says when, by the level's own clock, and at which generation the load began. */
export interface SecondRead {
  readonly text: string | undefined;
  /** Since the load of this value began. */
  readonly ageMs: number;
  readonly fence: string;
  /** True for the one reader that should load; the others look again a little later. */
  readonly yours: boolean;
}

/** A cache that processes share. What rejects or is lost is read from its source; nothing here is the only copy of anything. */
export interface SecondLevel {
  readonly name: string;
  read(key: string): Promise<SecondRead>;
  /** False when the key was invalidated since the fence. Without a text nothing is kept, and another process may load. */
  fill(key: string, fence: string, text: string | undefined, keepMs: number): Promise<boolean>;
  invalidate(key: string): Promise<void>;
  /** The server's own name and version. */
  about(): Promise<string>;
  close(): Promise<void>;
}
export const SecondLevel = token<SecondLevel | undefined>('cache.second-level');
