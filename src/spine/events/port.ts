import { token } from '#kernel';

/**
 * Hints between the processes of a cell: "look again". They may be lost, doubled and late, so nothing that matters travels here; the log is the
 * truth and a poll stands behind. One conformance suite for all that carry them.
 */
export interface Bus {
  /** What carries it, with the server's own version. */
  version(): Promise<string>;
  /** Sends texts of at most 200 characters, together. */
  publish(channel: string, texts: readonly string[]): Promise<void>;
  /** Hears a channel until `ending`; `ready` runs when it does, and again whenever hints may have been missed. Throws when it is lost. */
  listen(channel: string, heard: (text: string) => void, ready: () => void, ending: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
/** Makes the bus of a cell. */
export const Bus = token<Bus>('events.bus');
