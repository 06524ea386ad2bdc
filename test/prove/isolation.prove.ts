/**
 * Nobody sees what is another's. Two offices with people who bear a mark each; then thousands of requests drawn from a seed: every
 * address with every credential at every office, hosts and paths crossed, ids of others. An answer that holds the other's mark, a
 * success where none belongs, or a row that another office's setting can read, is a leak. And a process with one cell holds one.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { newTrace } from '#kernel';
import type { MachineKey } from '#spine/identity';
import { connectAs, type CellConnection } from '../../src/apps/migrate.ts';
import { modules } from '../../src/apps/modules.ts';
import { startSim } from '../../src/apps/sims.ts';
import { finish, ground, option, random, say, startServe } from './frame.ts';
import { ask, eventLines, feed, personLine, signIn, type Answer } from './people.ts';
import { proveTenants } from './tenants.ts';

const REQUESTS = Number(option('requests', '3000'));
const PEOPLE = 5;
const wrong: string[] = [];
const g = await ground(['IN', 'US']);
const sim = await startSim('sms');
const serve = await startServe(g, { PROVE_SMS: sim.base, PROVE_SMS_TOKEN: sim.token });
const outbox = async (): Promise<{ to: string; text: string }[]> =>
  (await (await fetch(`${sim.base}/v1/outbox`, { headers: { authorization: `Bearer ${sim.token}` } })).json()) as { to: string; text: string }[];
const keys = JSON.parse(readFileSync(join(g.folder, 'feed-keys.json'), 'utf8')) as Record<string, MachineKey>;

interface Who { slug: string; i: number; bearer: string; mark: string; refunds: string[] }
const people: Who[] = [];
for (const [t, tenant] of proveTenants.entries()) {
  for (let k = 0; k < PEOPLE; k++) {
    const i = t * 1000 + k;
    const mark = `mark${t}x${k}`;
    // The payment reference of each person bears their mark, so that a leak of a page shows.
    const lines = [personLine(i, mark), ...eventLines(i, mark).map((l) => ({ ...l, facts: { ...(l.facts as object), trackingNo: mark.toUpperCase() } }))];
    const took = await feed(serve.port, tenant.slug, keys[tenant.slug] as MachineKey, lines);
    if (took.status !== 200) throw new Error(took.body);
    const bearer = await signIn(serve.port, tenant.slug, personLine(i, mark), `isolat${String(i).padStart(20, '0')}`, outbox);
    const own = await ask(serve.port, 'GET', `/t/${tenant.slug}/api/tax-refunds/2026`, { bearer });
    if (!own.body.includes(mark.toUpperCase())) wrong.push(`${mark} does not see their own mark`);
    people.push({ slug: tenant.slug, i, bearer, mark, refunds: [...own.body.matchAll(/tret_[0-9a-f]{32}/g)].map((m) => m[0]) });
  }
}
say(`${people.length} people of ${proveTenants.length} offices`);

const routes = modules.flatMap((m) => m.routes ?? []);
const pages = modules.flatMap((m) => m.pages ?? []);
const streams = new Set(modules.flatMap((m) => m.streams ?? []).map((s) => s.path));
const pick = <T>(list: readonly T[]): T => list[random.int(list.length)] as T;
const fill = (path: string, who: Who): string => path.replace(':year', () => pick(['2026', '2025', '0000', who.refunds[0] ?? 'x'])).replace(':challenge', `chl_${newTrace()}`);

let sent = 0;
let refused = 0;
const marksOf = (not: Who): string[] => people.filter((p) => p !== not).map((p) => p.mark.toUpperCase());
for (; sent < REQUESTS; sent++) {
  const me = pick(people);
  const office = pick(proveTenants);
  const onPage = random.int(3) === 0;
  const target = onPage ? pick(pages) : pick(routes);
  if (streams.has(target.path)) continue;
  const path = `${random.int(2) ? `/t/${office.slug}` : ''}${onPage ? '' : '/api'}${fill(target.path, pick(people))}`;
  const headers: Record<string, string> = path.startsWith('/t/') ? {} : { host: `${office.slug}.localhost` };
  const asCookie = random.int(2) === 0;
  const how: { bearer?: string; headers: Record<string, string>; json?: unknown } = { headers };
  if (asCookie) headers.cookie = `xq_access=${me.bearer}; xq_browser=${'b'.repeat(24)}`;
  else how.bearer = me.bearer;
  if (target.method !== 'GET') how.json = {};
  if (target.path === '/sign-out') continue;
  const answer: Answer = await ask(serve.port, target.method, path, how);
  if (answer.status >= 400 || answer.status === 303) refused += 1;
  const leaked = marksOf(me).find((m) => answer.body.includes(m));
  if (leaked) wrong.push(`${me.mark} at ${office.slug} ${target.method} ${path} saw ${leaked}`);
  if (me.slug !== office.slug && answer.body.includes(me.mark.toUpperCase())) wrong.push(`a token of ${me.slug} worked at ${office.slug}: ${path}`);
  if (answer.status >= 500 && answer.status !== 503) wrong.push(`${target.method} ${path} answered ${answer.status}`);
}

// A machine's key of one office at the other.
for (const [a, b] of [['india', 'other'], ['other', 'india']] as const) {
  const crossed = await feed(serve.port, b, keys[a] as MachineKey, [personLine(1, 'x')]);
  if (crossed.status !== 401) wrong.push(`a feed key of ${a} was answered ${crossed.status} at ${b}`);
}

// Every table, as the program's role, with one office's setting, and with none.
const home = g.cells[0] as CellConnection;
const app = new pg.Client(connectAs(home, 'app'));
await app.connect();
let tables = 0;
let rows = 0;
for (const module of modules) {
  for (const [table, spec] of Object.entries(module.tables ?? {})) {
    if ((spec.tenant === false && !spec.view) || !spec.app?.includes('select')) continue;
    tables += 1;
    const none = Number((await app.query(`select count(*) as n from ${table}`)).rows[0].n);
    if (none) wrong.push(`${table} shows ${none} rows to nobody`);
    for (const tenant of proveTenants) {
      await app.query('begin');
      await app.query(`set local app.tenant = '${tenant.id}'`);
      const r = (await app.query(`select count(*) as n, count(*) filter (where tenant <> '${tenant.id}') as foreign from ${table}`)).rows[0];
      rows += Number(r.n);
      if (Number(r.foreign)) wrong.push(`${table} shows ${r.foreign} rows of others to ${tenant.slug}`);
      await app.query('rollback');
    }
  }
}
await app.end();

// The credential of one cell opens no other.
for (const role of ['owner', 'app', 'spine', 'auditor'] as const) {
  const crossed = new pg.Client({ ...connectAs(home, role), database: (g.cells[1] as CellConnection).database });
  const opened = await crossed.connect().then(() => true, () => false);
  if (opened) {
    wrong.push(`the ${role} credential of cell IN opens cell US`);
    await crossed.end();
  }
}

serve.process.stdin?.end();
await serve.ended;
await sim.stop();
await g.stop();
finish('isolation', { requests: sent, refused, tables, rows_seen_by_their_owners: rows, people: people.length }, wrong);
