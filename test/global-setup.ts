import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { launchPostgres } from '#adapters/postgres';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Superuser connection of the run's own PostgreSQL; each test file clones a database of its own in it. */
    postgres: { host: string; port: number; user: string; password: string; database: string };
  }
}

/** One server for the whole run. It need not survive a power cut, so nothing waits for the disk. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Not os.tmpdir(): the server may run as another user, who cannot enter a private TMPDIR.
  const folder = mkdtempSync('/tmp/exchequer-tests-');
  chmodSync(folder, 0o711);
  const server = await launchPostgres({
    dataDir: join(folder, 'postgres'),
    // A database for each file: visited every ten seconds, as the one of a cell is, they would keep the server at work.
    settings: { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', shared_buffers: '128MB', max_connections: '200', autovacuum_naptime: '1min' },
  });
  project.provide('postgres', server.connection('postgres'));
  return async () => {
    await server.stop('immediate');
    rmSync(folder, { recursive: true, force: true });
  };
}
