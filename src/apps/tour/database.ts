import { join } from 'node:path';
import { keepPostgres, type PostgresServer } from '#adapters/postgres';
import type { Clock } from '#kernel';
import { toldOf } from '../cells.ts';

/** The demo's own PostgreSQL, which the tour takes away for a while. */
export interface Database {
  readonly server: PostgresServer;
  /** Kills the server and resolves when it is gone; `back` resolves when it serves the same folder and port again, so much later. */
  cut(ms: number): Promise<{ readonly back: Promise<void> }>;
  /** Stops it for good, in the middle of a cut too. */
  stop(): Promise<void>;
}

/** One sync of the file system instead of one a file: recovery then takes a moment and not seconds. */
const QUICK = process.platform === 'linux' ? { recovery_init_sync_method: 'syncfs' } : {};

export function holdDatabase(first: PostgresServer, dataDir: string, clock: Clock): Database {
  let server = first;
  let cutting: Promise<void> | undefined;
  const ending = new AbortController();
  const wait = async (ms: number): Promise<void> => {
    await clock.sleep(ms, ending.signal);
    if (!ending.signal.aborted) server = await keepPostgres({ dataDir: join(dataDir, 'postgres'), port: server.port, settings: QUICK }, toldOf);
  };
  return {
    get server() { return server; },
    async cut(ms) {
      if (!cutting) {
        await server.stop('immediate');
        cutting = wait(ms).finally(() => { cutting = undefined; });
      }
      return { back: cutting };
    },
    async stop() {
      ending.abort();
      await cutting;
      await server.stop();
    },
  };
}
