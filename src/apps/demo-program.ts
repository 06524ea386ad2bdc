import { join } from 'node:path';
import { httpBank } from '#adapters/bank';
import { smtpMail } from '#adapters/smtp';
import { formMessages, httpMessages } from '#adapters/sms';
import { createBreakers, createLog, provide, systemClock } from '#kernel';
import type { Providers } from '#platform/notify/port';
import { BankRail } from '#products/wallet/port';
import { saveTenant } from '#spine/tenancy';
import { Reach } from '#platform/webhooks';
import { numberOf, textOf } from './args.ts';
import { buildAssets } from './assets.ts';
import type { Begun, Parties } from './demo.ts';
import type { Sim } from './sims.ts';
import { migrate } from './migrate.ts';
import { modules } from './modules.ts';
import { localAdapters, noteRunning } from './reach.ts';
import { openCell } from './runtime.ts';
import { seedBank } from './seed-bank.ts';
import { seedDemo } from './seed.ts';
import { startProgram, type Program } from './program.ts';
import { noticeProviders } from './providers.ts';
import { connectReceipts } from './receipts.ts';
import { createDesk } from './desk/mount.ts';
import { deskPeople } from './desk/people.ts';
import { demoTenants } from './tenants.ts';
import { holdDatabase } from './tour/database.ts';
import { connectHook } from './tour/hook.ts';
import { createTour } from './tour/mount.ts';
import { peopleLines } from './tour/people.ts';
import { openStage, type Stage } from './tour/stage.ts';

const HOME = 'IN';
const PORT_FIRST = 8080;
const PORT_TRIES_MAX = 50;

const carriersOf = ({ phones: [one, two], relays }: Parties, address: (slug: string) => string): Providers => ({
  text: [httpMessages(one), formMessages({ base: `${two.base}/form`, account: 'sim', secret: two.token })],
  email: relays.map((r, i) => smtpMail({ name: `smtp-${i + 1}`, url: r.smtp ?? '' })), push: [], from: 'notices@office.invalid',
  // A visitor sees months of a refund in a few minutes, and wants to see each message come.
  perHour: { text: 20, email: 20 }, linkBase: ({ slug }) => address(slug),
});

/** Brings the people, the bank, the receiver and the season into a demo whose pages answer already. */
async function fill(o: { program: Program; base: string; dataDir: string; args: readonly string[]; tell: (what: string) => void; hook: Sim; stage: Stage;
  phones: Parties['phones'];
  desk: ReturnType<typeof createDesk>; signal: AbortSignal }): Promise<void> {
  const { program, base, dataDir, args, tell, stage } = o;
  try {
    o.desk.open(await deskPeople({ program, base, dataDir, clock: systemClock }));
    tell(`operators’ console at ${base}/t/india/console; name, password and code are at /_dev/operators`);
    await seedBank(program, systemClock);
    const [http, form] = o.phones;
    await connectReceipts({ program, tenants: demoTenants, address: (slug) => `${base}/t/${slug}`,
      providers: [{ name: 'http', sim: http }, { name: 'form', sim: form }] });
    await connectHook({ program, base, slug: 'india', hook: o.hook, clock: systemClock });
    await seedDemo({
      program, base, dataDir, clock: systemClock, filers: numberOf(args, '--filers', FILERS, 1_000_000), seed: textOf(args, '--seed') ?? '1',
      signal: o.signal, tell,
      peopled: () => {
        const where = 'their codes appear on its lock screen and at /_dev/messages';
        tell(`three people to try at ${base}, year ${stage.people[0]?.year}: ${where}\n${peopleLines(stage.people)}`);
      },
    });
    if (o.signal.aborted) return;
    stage.loaded();
    tell(`ready at ${base}; every step of the tour works now`);
  } catch (error) {
    // Ended from the keyboard, the outside parties are told as well, and may be gone first.
    if (o.signal.aborted) return;
    process.stderr.write(`the demo could not be filled: ${String(error)}\n`);
  }
}

const FILERS = 10_000;
/** The demo from a running server and running parties on: tables, people, pages, and the season behind them. Resolves when it has ended. */
export async function runDemo({ dataDir, args, tell, server: serving, parties: playing }: Begun): Promise<number> {
  // Into a file: what is printed stays short enough to read, also while the tour takes the database away.
  const log = createLog({ level: 'warn', to: join(dataDir, 'demo.log') });
  const [{ server, cells }, assets] = await Promise.all([serving, buildAssets(modules, [new URL('./tour/islands/', import.meta.url)])]);
  const database = holdDatabase(server, dataDir, systemClock);
  tell(`PostgreSQL ${server.version} with two cells, IN and US`);
  const home = cells.find((c) => c.name === HOME) as (typeof cells)[number];
  await migrate(home, modules);
  const homeCell = openCell({ connection: home, modules, clock: systemClock, log, provided: [], sizes: { app: 1, batch: 1, spine: 1, auditor: 1 } });
  for (const tenant of demoTenants) await saveTenant(homeCell, tenant);
  await homeCell.close();
  const breakers = createBreakers(systemClock, log);
  const [local, parties] = await Promise.all([localAdapters(dataDir, breakers), playing]);
  const { phones, relays, bank, hook } = parties;
  await noteRunning(dataDir, cells);
  let base = '';
  const tour = createTour({ assets, phones, relays, base: () => base });
  const desk = createDesk({ assets, clock: systemClock });
  const program = await startProgram({
    modules, cells, home: HOME, directoryFile: join(dataDir, 'directory.json'), assets, clock: systemClock, log, breakers,
    more: (app) => {
      tour.mount(app);
      desk.mount(app);
    },
    roles: ['web', 'relay', 'worker'],
    provided: () => [
      ...local, ...noticeProviders(carriersOf(parties, (slug) => `${base}/t/${slug}`)),
      provide(BankRail, () => httpBank({ ...bank, breaker: breakers.of('bank') })), provide(Reach, () => ({ loopback: true })),
    ],
    host: '127.0.0.1', port: PORT_FIRST, portsMax: PORT_TRIES_MAX, secure: false, pathTenants: true,
  });
  base = `http://localhost:${program.port}`;
  const stage = await openStage({ program, base, dataDir, clock: systemClock, log, phones, relays, hook, database });
  tour.open(stage);
  tell(`pages answer at ${base}`);
  const ending = new AbortController();
  const seeding = fill({ program, base, dataDir, args, tell, hook, stage, desk, phones, signal: ending.signal });
  await new Promise<void>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done());
  });
  ending.abort();
  await seeding;
  await program.stop();
  await Promise.all([...phones, ...relays, bank, hook].map((sim) => sim.stop()));
  await database.stop();
  return 0;
}
