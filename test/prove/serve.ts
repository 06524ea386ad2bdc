/** The program under proof: the real one, with a probe that ends the process by SIGKILL at a named point when it is told to. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileHeads } from '#adapters/heads';
import { fileKek } from '#adapters/kms';
import { httpBank } from '#adapters/bank';
import { httpMessages } from '#adapters/sms';
import { createLog, provide, systemClock } from '#kernel';
import { BankRail } from '#products/wallet/port';
import { HeadKeeper, SpoolFolder } from '#spine/audit/port';
import { TextMessages } from '#spine/identity/port';
import { CallProbe } from '#spine/jobs';
import { saveTenant } from '#spine/tenancy';
import { Kek } from '#spine/vault/port';
import { buildAssets } from '../../src/apps/assets.ts';
import { migrate, type CellConnection } from '../../src/apps/migrate.ts';
import { modules } from '../../src/apps/modules.ts';
import { startProgram } from '../../src/apps/program.ts';
import { openCell } from '../../src/apps/runtime.ts';
import { feedKey } from '../../src/apps/seed.ts';
import { proveTenants } from './tenants.ts';

const folder = process.env.PROVE_FOLDER as string;
const cells = JSON.parse(process.env.PROVE_CELLS as string) as CellConnection[];
const killAt = process.env.PROVE_KILL_AT;
const log = createLog({ level: 'silent' });
const kek = await fileKek(join(folder, 'keys', 'kek'));
const home = cells[0] as CellConnection;
await migrate(home, modules);
const first = openCell({ connection: home, modules, clock: systemClock, log, provided: [], sizes: { app: 1, batch: 1, spine: 1, auditor: 1 } });
for (const tenant of proveTenants) await saveTenant(first, tenant);
await first.close();

const program = await startProgram({
  modules, cells, home: home.name, directoryFile: join(folder, 'directory.json'), assets: await buildAssets(modules), clock: systemClock, log, roles: ['web', 'relay', 'worker'],
  host: '127.0.0.1', port: 0, secure: false, pathTenants: true, limits: false,
  provided: () => [
    provide(Kek, () => kek), provide(HeadKeeper, () => fileHeads(join(folder, 'heads'))), provide(SpoolFolder, () => join(folder, 'spool')),
    provide(TextMessages, () => httpMessages({ base: process.env.PROVE_SMS as string, token: process.env.PROVE_SMS_TOKEN as string })),
    provide(BankRail, () => httpBank({ base: process.env.PROVE_BANK as string, token: process.env.PROVE_BANK_TOKEN as string })),
    provide(CallProbe, () => ({
      async at(point, job) {
        if (job !== process.env.PROVE_KILL_JOB) return;
        // The request is given time to leave; its answer stays unread.
        if (point === killAt && point === 'request-sent') await systemClock.sleep(150);
        if (point === killAt) process.kill(process.pid, 'SIGKILL');
      },
    })),
  ],
});
const keys = Object.fromEntries(await Promise.all(proveTenants.map(async (t) => [t.slug, await feedKey(program, t.slug)])));
writeFileSync(join(folder, 'feed-keys.json'), JSON.stringify(keys));
process.stdout.write(`${JSON.stringify({ port: program.port })}\n`);
process.stdin.on('end', () => void program.stop().then(() => process.exit(0)));
process.stdin.resume();
