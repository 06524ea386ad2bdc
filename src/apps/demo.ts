import { createServer } from 'node:net';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileHeads } from '#adapters/heads';
import { fileKek } from '#adapters/kms';
import { httpMessages } from '#adapters/sms';
import { createLog, environment, provide, systemClock } from '#kernel';
import { HeadKeeper } from '#spine/audit/port';
import { TextMessages } from '#spine/identity/port';
import { Kek } from '#spine/vault/port';
import { saveTenant } from '#spine/tenancy';
import { buildAssets } from './assets.ts';
import { mountCatcher, startSim } from './sims.ts';
import { embeddedCells } from './cells.ts';
import { migrate } from './migrate.ts';
import { modules } from './modules.ts';
import { openCell } from './runtime.ts';
import { startProgram } from './program.ts';
import { demoTenants } from './tenants.ts';

const HOME = 'IN';
const PORT_FIRST = 8080;
const PORT_TRIES_MAX = 50;

async function freePort(): Promise<number> {
  for (let port = PORT_FIRST; port < PORT_FIRST + PORT_TRIES_MAX; port++) {
    const free = await new Promise<boolean>((done) => {
      const probe = createServer().once('error', () => done(false)).listen(port, '127.0.0.1', () => probe.close(() => done(true)));
    });
    if (free) return port;
  }
  throw new Error(`no free port from ${PORT_FIRST} to ${PORT_FIRST + PORT_TRIES_MAX - 1}`);
}

/** Tells each step with its time; the whole start stays within 20 lines. */
function teller(): (what: string) => void {
  const begin = systemClock.monotonicMs();
  let last = begin;
  return (what) => {
    const now = systemClock.monotonicMs();
    process.stdout.write(`${`${((now - last) / 1000).toFixed(1)} s`.padStart(7)}  ${what}\n`);
    last = now;
  };
}

/** `exchequer demo [--reset] [--data <dir>]`: everything on this machine, loopback only. */
export async function demo(args: readonly string[]): Promise<number> {
  const env = environment();
  if (env.NODE_ENV === 'production') {
    process.stderr.write('The demo has made-up people and keys that anybody knows: it does not start with NODE_ENV=production.\n');
    return 1;
  }
  const at = args.indexOf('--data');
  const dataDir = resolve(at >= 0 ? (args[at + 1] ?? '') : (env.EXCHEQUER_DATA ?? '.exchequer'));
  if (args.includes('--reset')) await rm(dataDir, { recursive: true, force: true });
  const tell = teller();
  const log = createLog({ level: 'warn' });
  const [{ server, cells }, assets] = await Promise.all([embeddedCells(dataDir, ['IN', 'US']), buildAssets(modules)]);
  tell(`PostgreSQL ${server.version} with two cells, IN and US`);
  const home = cells.find((c) => c.name === HOME) as (typeof cells)[number];
  await migrate(home, modules);
  const homeCell = openCell({ connection: home, modules, clock: systemClock, log, provided: [], sizes: { app: 1, batch: 1, spine: 1, auditor: 1 } });
  for (const tenant of demoTenants) await saveTenant(homeCell, tenant);
  await homeCell.close();
  const [kek, sms] = await Promise.all([fileKek(join(dataDir, 'keys', 'kek')), startSim('sms')]);
  const program = await startProgram({
    modules, cells, more: (app) => mountCatcher(app, sms), home: HOME, directoryFile: join(dataDir, 'directory.json'), assets, clock: systemClock, log, roles: ['web', 'relay', 'worker'],
    provided: () => [provide(Kek, () => kek), provide(HeadKeeper, () => fileHeads(join(dataDir, 'audit-heads'))), provide(TextMessages, () => httpMessages(sms))], host: '127.0.0.1', port: await freePort(), secure: false, pathTenants: true,
  });
  tell(`pages answer at http://localhost:${program.port}`);
  await new Promise<void>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done());
  });
  await program.stop();
  await sms.stop();
  await server.stop();
  return 0;
}
