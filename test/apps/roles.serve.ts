/** One process of the roles test: the real program with the probe module, its background work only, and a name for what it did. */
import { fileHeads } from '#adapters/heads';
import { fileKek } from '#adapters/kms';
import { memoryBank } from '#adapters/bank';
import { memoryMessages } from '#adapters/sms';
import { createLog, handle, on, provide, systemClock } from '#kernel';
import { BankRail } from '#products/wallet/port';
import { HeadKeeper, SpoolFolder } from '#spine/audit/port';
import { TextMessages } from '#spine/identity/port';
import { Kek } from '#spine/vault/port';
import { modules } from '../../src/apps/modules.ts';
import type { CellConnection } from '../../src/apps/migrate.ts';
import { startProgram } from '../../src/apps/program.ts';
import { Chore, ItemChanged, leave, probe } from '../house/probe.ts';

const { folder, cell, roles, name } = JSON.parse(process.argv[2] as string) as { folder: string; cell: CellConnection; roles: string[]; name: string };
const kek = await fileKek(`${folder}/kek`);
const probing = probe({
  handlers: [handle(Chore, async (tx, data) => {
    await tx.sql`select pg_sleep(0.02)`;
    await leave(tx, { subscriber: 'job', event: name, key: 'x', n: data.n });
  })],
  reactions: [on(ItemChanged, 'roles', async (tx, e) => void await leave(tx, { subscriber: 'relay', event: name, key: e.key, n: e.data.n }))],
});
const program = await startProgram({
  modules: [...modules, probing], cells: [cell], home: cell.name, directoryFile: `${folder}/directory-${name}.json`, assets: { url: (n) => n,
    find: () => undefined },
  clock: systemClock, log: createLog({ level: 'silent' }), roles, host: '127.0.0.1', port: 0, secure: false, pathTenants: true, limits: false,
  sizes: { app: 4, batch: 2, spine: 4, auditor: 1 },
  provided: () => [provide(Kek, () => kek), provide(HeadKeeper, () => fileHeads(`${folder}/heads`)), provide(SpoolFolder, () => `${folder}/spool-${name}`),
    provide(TextMessages, () => memoryMessages()), provide(BankRail, () => memoryBank())],
});
process.stdout.write('ready\n');
process.stdin.on('end', () => void program.stop().then(() => process.exit(0)));
process.stdin.resume();
