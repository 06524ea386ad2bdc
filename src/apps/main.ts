import { ConfigFault } from '#kernel';

type Command = (args: readonly string[]) => Promise<number>;

const commands: Record<string, { doc: string; load: () => Promise<Command> }> = {
  demo: { doc: 'start everything on this machine with made-up people', load: async () => (await import('./demo.ts')).demo },
  start: { doc: 'serve the cells that EXCHEQUER_CELLS or DATABASE_URL name', load: async () => (await import('./start.ts')).start },
  migrate: { doc: 'bring the cells to this release’s tables and rights', load: async () => (await import('./start.ts')).migrateAll },
  ingest: { doc: 'take a file of the authority’s feed (.ndjson, .csv, gzipped or not)', load: async () => (await import('./ingest.ts')).ingest },
  quarantine: { doc: 'list, show or replay lines that were set aside', load: async () => (await import('./quarantine.ts')).quarantine },
  operator: { doc: 'add, list or disable the people who work for a tenant', load: async () => (await import('./operator.ts')).operator },
  machine: { doc: 'add, list or disable the programs that may call for a tenant', load: async () => (await import('./machine.ts')).machine },
  keys: { doc: 'list a tenant’s data keys, or make the next one', load: async () => (await import('./data-keys.ts')).keys },
  eod: { doc: 'close a business day: interest and fees (--tenant, --date)', load: async () => (await import('./eod.ts')).eod },
  jobs: { doc: 'list, retry or drop dead letters (--tenant)', load: async () => (await import('./jobs.ts')).jobs },
  events: { doc: 'replay a subscriber, release or skip what was parked', load: async () => (await import('./events.ts')).events },
  sanctions: { doc: 'import a sanctions list and compare every holder with it', load: async () => (await import('./sanctions.ts')).sanctions },
  backup: { doc: 'write a sealed backup into a folder, while everything runs', load: async () => (await import('./backup.ts')).backup },
  restore: { doc: 'bring a backup back into a new data folder, and verify it', load: async () => (await import('./restore.ts')).restore },
  docs: { doc: 'write docs/reference from the manifests', load: async () => (await import('./docs.ts')).docs },
  verify: { doc: 'check the audit chain and every invariant of the live database', load: async () => (await import('./verify.ts')).verify },
};

const usage = (): string => `exchequer <command>\n\n${Object.entries(commands).map(([name, c]) => `  ${name.padEnd(12)} ${c.doc}`).join('\n')}\n`;

/** Runs one command; resolves to the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  const command = name === undefined ? undefined : commands[name];
  if (!command) {
    process.stderr.write(usage());
    return name === undefined || name === 'help' ? 0 : 2;
  }
  // What serves goes on where nobody takes what it prints: a full disk, a terminal that was closed. Its log has ways of its own.
  if (['start', 'demo'].includes(name as string)) for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  try {
    return await (await command.load())(rest);
  } catch (error) {
    if (error instanceof ConfigFault || (error instanceof Error && ['PostgresRefused', 'MigrationRefused', 'UsageFault'].includes(error.name))) {
      process.stderr.write(`${error.message}\n`);
      return 1;
    }
    throw error;
  }
}
