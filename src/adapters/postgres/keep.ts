import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '#kernel';
import { launchPostgres, type LaunchOptions, type PostgresServer } from './launch.ts';
import { PostgresRefused } from './refused.ts';

const PAUSE_MS_MIN = 1000;
const PAUSE_MS_MAX = 30_000;
/** One that has run for so long is started again at once. */
const SETTLED_MS = 60_000;

/**
 * A server that is started again, on its folder and at its address, whenever it ends by itself: killed for want of memory, or stopped by a full disk. At once,
 * and then after pauses that double up to half a minute. `told` hears of each end and each try, a line for an operator.
 */
export async function keepPostgres(options: LaunchOptions, told: (line: string) => void): Promise<PostgresServer> {
  let now = await launchPostgres(options);
  let since = systemClock.monotonicMs();
  let pauseMs = 0;
  const { port, dataDir } = now;
  const ending = new AbortController();

  const again = async (): Promise<void> => {
    if (systemClock.monotonicMs() - since > SETTLED_MS) pauseMs = 0;
    while (!ending.signal.aborted) {
      await systemClock.sleep(pauseMs, ending.signal);
      if (ending.signal.aborted) return;
      pauseMs = Math.min(PAUSE_MS_MAX, Math.max(PAUSE_MS_MIN, 2 * pauseMs));
      try {
        // A disk that was taken away leaves an empty place behind, where a start would make a new folder.
        if (!existsSync(join(dataDir, 'PG_VERSION'))) throw new PostgresRefused('unreachable', `${dataDir} is not there`);
        now = await launchPostgres({ ...options, port });
        since = systemClock.monotonicMs();
        told(`PostgreSQL serves ${dataDir} again`);
        return;
      } catch (error) {
        told(`PostgreSQL does not start again (${error instanceof Error ? error.message : 'unknown'}); the next try is in ${pauseMs / 1000} s`);
      }
    }
  };
  const keeping = (async () => {
    for (;;) {
      await now.gone;
      if (ending.signal.aborted) return;
      told(`PostgreSQL on ${dataDir} ended by itself; see ${dataDir}.log`);
      await again();
    }
  })();

  return {
    dataDir, port, superuser: now.superuser, socketDir: now.socketDir, password: now.password, gone: keeping,
    get pid() { return now.pid; },
    get version() { return now.version; },
    connection: now.connection,
    async stop(mode) {
      ending.abort();
      await now.stop(mode);
      await keeping;
      await now.stop(mode);
    },
  };
}
