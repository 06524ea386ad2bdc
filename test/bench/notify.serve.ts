/** The server of the notify bench: 100,000 promotions wait in the bulk lane, and people sign in meanwhile. The provider is the bench itself, over HTTP. */
import pg from 'pg';
import { httpMessages } from '#adapters/sms';
import { perform, systemClock, type Uuid } from '#kernel';
import { notifyAll } from '#platform/notify';
import { demoFeed } from '#products/taxrefund';
import { enrol } from '#spine/identity';
import { noticeProviders } from '../../src/apps/providers.ts';
import { announcement } from '../../src/platform/notify/service/kinds.ts';
import { serveQuestions } from './frame.ts';
import { asSystem, benchTenants, startBench } from './program.ts';

const PEOPLE = 5000;
const PROMOTIONS = Number(process.env.BENCH_PROMOTIONS ?? 100_000);
const STEP = 500;
const FAR_MS = 86_400_000;
const [base = ''] = process.argv.slice(2);
// A person gets as many as there are rounds: what is measured is the crowd, not the limit of one person.
const rounds = Math.ceil(PROMOTIONS / PEOPLE);
const bench = await startBench({ tenants: benchTenants(1),
  provided: noticeProviders({ text: [httpMessages({ base, token: 'bench' })], email: [], push: [], perHour: { text: rounds } }) });
const tenant = bench.program.directory.bySlug('t0');
const cell = bench.program.cells.get('IN');
const template = tenant && demoFeed(tenant).people(systemClock.now())[0];
if (!tenant || !cell || !template) throw new Error('no tenant');
const letters = (i: number): string => Array.from({ length: 4 }, (_, k) => String.fromCharCode(65 + (Math.floor(i / 26 ** k) % 26))).join('');
const people = Array.from({ length: PEOPLE }, (_, i) => ({
  ...template.taxpayer, identifier: `${letters(i).slice(0, 3)}P${letters(i).slice(3)}0000A`, phone: `+91 ${String(i).padStart(10, '0')}`,
}));
const ids: Uuid[] = [];
for (let at = 0; at < PEOPLE; at += STEP) ids.push(...(await perform(cell, tenant, asSystem, (tx) => enrol(tx, people.slice(at, at + STEP)))).map((e) => e.person));
// They wait for a time that is far off until the bench says that it has come; then all of them are due at once.
const later = new Date(systemClock.now().getTime() + FAR_MS);
for (let n = 0; n < rounds; n++) {
  for (let at = 0; at < PEOPLE; at += STEP) {
    const tellings = ids.slice(at, at + STEP).map((person) => ({ person, dedupe: `promotion ${n}`, data: {}, at: later }));
    await perform(cell, tenant, asSystem, (tx) => notifyAll(tx.section, tx, announcement, tellings));
  }
}

async function owner<R extends object>(sql: string): Promise<R[]> {
  const client = new pg.Client(bench.server.connection(bench.cell.database));
  await client.connect();
  try {
    return (await client.query(sql)).rows as R[];
  } finally {
    await client.end();
  }
}
await owner('vacuum analyze');

serveQuestions(async (q: { what: 'setup' | 'due' | 'left' }) => {
  if (q.what === 'setup') return { port: bench.program.port, people: people.map(({ identifier, dateOfBirth, phone }) => ({ identifier, dateOfBirth, phone })) };
  if (q.what === 'due') await owner("update jobs.job set run_at = created_at where name = 'notify.send'");
  const [left] = await owner<{ n: string }>("select count(*) as n from jobs.job where name = 'notify.send'");
  return { left: Number(left?.n) };
}, () => bench.stop());
