import { join } from 'node:path';
import { launchPostgres, type PostgresServer } from '#adapters/postgres';
import type { Clock } from '#kernel';

/** The demo's own PostgreSQL, which the tour takes away for a while. */
export interface Database {
  readonly server: PostgresServer;
  /** Kills the server at once, and starts it again on the same folder and port when the time is over. */
  cut(ms: number): Promise<void>;
  /** Stops it for good, in the middle of a cut too. */
  stop(): Promise<void>;
}

/** One sync of the file system instead of one a file: recovery then takes a moment and not seconds. */
const QUICK = process.platform === 'linux' ? { recovery_init_sync_method: 'syncfs' } : {};

export function holdDatabase(first: PostgresServer, dataDir: string, clock: Clock): Database {
  let server = first;
  let cutting: Promise<void> | undefined;
  const ending = new AbortController();
  const cut = async (ms: number): Promise<void> => {
    await server.stop('immediate');
    await clock.sleep(ms, ending.signal);
    if (!ending.signal.aborted) server = await launchPostgres({ dataDir: join(dataDir, 'postgres'), port: server.port, settings: QUICK });
  };
  return {
    get server() { return server; },
    cut: (ms) => (cutting ??= cut(ms).finally(() => { cutting = undefined; })),
    async stop() {
      ending.abort();
      await cutting;
      await server.stop();
    },
  };
}
