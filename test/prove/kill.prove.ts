/**
 * SIGKILL. The program is killed while it takes a feed, shows years and moves money, and PostgreSQL too; and at each of the five points
 * of a text message and of a withdrawal to a bank. A journal on disk holds what was asked and what was answered. Afterwards: every answered view has exactly one fact, every
 * answered feed line stands exactly once with exactly one fact, nothing stands twice, no message reached a phone twice, every payment was
 * made once for its key and its answer never changed, every balance is what the answers say, the bank booked each order once, and verify
 * holds. Then relays, workers, sagas and webhooks die at each of their points, and effects equal events.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { createLog, newTrace, provide, systemClock, uuid } from '#kernel';
import { fileHeads } from '#adapters/heads';
import { fileKek } from '#adapters/kms';
import { folderObjects } from '#adapters/objects';
import { ObjectStore } from '#platform/objects/port';
import { HeadKeeper, SpoolFolder } from '#spine/audit/port';
import type { MachineKey } from '#spine/identity';
import { Kek } from '#spine/vault/port';
import { modules } from '../../src/apps/modules.ts';
import { openCell } from '../../src/apps/runtime.ts';
import { startSim } from '../../src/apps/sims.ts';
import { verifyAll } from '../../src/apps/verify.ts';
import { finish, ground, Journal, option, random, say, startServe, type Running } from './frame.ts';
import { ask, eventLines, feed, personLine, signIn } from './people.ts';
import { Purse } from './purse.ts';
import { proveSpine, SPINE_POINTS } from './spine.ts';
import { proveTenants } from './tenants.ts';

const ROUNDS = Number(option('rounds', '20'));
const VIEWERS = 12;
const POINTS = ['tx1-committed', 'attempt-committed', 'request-sent', 'answer-received', 'tx2-committed'] as const;
const slug = 'india';
const wrong: string[] = [];
const kills: Record<string, number> = {};
const counted = (name: string): void => { kills[name] = (kills[name] ?? 0) + 1; };

const g = await ground(['IN']);
const [sim, bank] = [await startSim('sms'), await startSim('bank')];
const env = { PROVE_SMS: sim.base, PROVE_SMS_TOKEN: sim.token, PROVE_BANK: bank.base, PROVE_BANK_TOKEN: bank.token };
/** The newest texts, or all to one number: payments tell of themselves too, so that one of earlier is soon not among the newest. */
const outbox = async (to?: string): Promise<{ to: string; text: string; key: string }[]> =>
  (await (await fetch(`${sim.base}/v1/outbox${to === undefined ? '' : `?to=${encodeURIComponent(to)}`}`, { headers: { authorization: `Bearer ${sim.token}` } })).json()) as { to: string; text: string; key: string }[];
const keyOf = (): MachineKey => (JSON.parse(readFileSync(join(g.folder, 'feed-keys.json'), 'utf8')) as Record<string, MachineKey>)[slug] as MachineKey;
const journal = new Journal(join(g.folder, 'journal.ndjson'));
const owner = async <T extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<T[]> => {
  const client = new pg.Client(g.server.connection('exchequer_in'));
  await client.connect();
  try {
    return (await client.query<T>(sql, values)).rows;
  } finally {
    await client.end();
  }
};

let serve: Running = await startServe(g, env);
const bearers: string[] = [];
for (let i = 0; i < VIEWERS; i++) {
  await feed(serve.port, slug, keyOf(), [personLine(i, 'viewer'), ...eventLines(i, 'viewer')]);
  bearers.push(await signIn(serve.port, slug, personLine(i, 'viewer'), `viewer${String(i).padStart(20, '0')}`, outbox));
}
const purse = new Purse({ port: () => serve.port, slug, bearers, bank, random });
await purse.open();
await owner('update wallet.holder set tier = 2');
say(`${VIEWERS} people signed in, each with an account`);

/** Asks and journals; a connection that breaks leaves the question without an answer. */
async function asked(id: string, what: string, work: () => Promise<{ status: number; body: string }>): Promise<boolean> {
  journal.ask(id, what);
  try {
    const { status, body } = await work();
    journal.answer(id, status, body);
    return status === 200;
  } catch {
    return false;
  }
}

let person = 1000;
const pendingFeeds = new Map<string, unknown[]>();

/** Load until `stop`: viewers in a loop, and a feed that sends each batch once. */
async function load(stop: AbortSignal): Promise<void> {
  const viewing = bearers.map(async (bearer) => {
    while (!stop.aborted) {
      const trace = newTrace();
      await asked(trace, 'view', () => ask(serve.port, 'GET', `/t/${slug}/api/tax-refunds/2026`, { trace, bearer }));
      await systemClock.sleep(1);
    }
  });
  const feeding = Array.from({ length: 2 }, async () => {
    while (!stop.aborted) {
      const from = person;
      person += 10;
      const lines = Array.from({ length: 10 }, (_, k) => from + k).flatMap((i) => [personLine(i, 'fed'), ...eventLines(i, 'fed')]);
      const trace = newTrace();
      pendingFeeds.set(trace, lines);
      if (await asked(trace, 'feed', () => feed(serve.port, slug, keyOf(), lines, trace))) pendingFeeds.delete(trace);
    }
  });
  await Promise.all([...viewing, ...feeding, purse.pay(stop)]);
}

for (let round = 1; round <= ROUNDS; round++) {
  const stop = new AbortController();
  const loading = load(stop.signal);
  await systemClock.sleep(300 + random.int(900));
  const database = round % 4 === 0;
  if (database) {
    process.kill(g.server.pid, 'SIGKILL');
    counted('postgres');
    await systemClock.sleep(300);
  } else {
    serve.process.kill('SIGKILL');
    counted('program');
    await serve.ended;
  }
  stop.abort();
  await loading;
  if (database) await g.relaunch();
  else serve = await startServe(g, env);
}

// What was sent without an answer is sent again, as a sender would: it may have been taken or not.
for (const lines of pendingFeeds.values()) {
  const again = await feed(serve.port, slug, keyOf(), lines);
  if (again.status !== 200) wrong.push(`a feed sent again was answered ${again.status}: ${again.body.slice(0, 200)}`);
}

// So are payments: whatever became of the first try, each key has one answer.
await purse.settle();

// A text message, killed at each point of its call, then finished by the next process.
const codes = new Map<string, string>();
/** Starts a program that is killed at a point of a call, has the call begun, and starts another when the first is dead. */
async function killedAt(point: string, job: string, begin: () => Promise<boolean>): Promise<void> {
  // A call that an earlier kill left open may come to the point first; then nothing was begun, and it is tried again.
  for (let tries = 0; tries < 5; tries++) {
    serve.process.kill('SIGKILL');
    await serve.ended;
    serve = await startServe(g, { ...env, PROVE_KILL_AT: point, PROVE_KILL_JOB: job });
    const begun = await begin().catch(() => false);
    const how = await Promise.race([serve.ended, systemClock.sleep(10_000).then(() => 'alive')]);
    if (how === 'alive') {
      const open = await owner(`select name, count(*), min(run_at), max(attempts) as attempts, max(lost) as lost, max(lease_until) as lease from jobs.job
        where dead_at is null group by 1`);
      wrong.push(`the program was not killed at ${point} of ${job}; now ${systemClock.now().toISOString()}, jobs: ${JSON.stringify(open)}`);
    }
    serve = await startServe(g, env);
    if (begun) return;
  }
  wrong.push(`no call of ${job} was begun for ${point}`);
}

for (const [k, point] of POINTS.entries()) {
  const p = personLine(5000 + k, 'called');
  await feed(serve.port, slug, keyOf(), [p]);
  await killedAt(point, 'identity.send-code', async () => (await ask(serve.port, 'POST', `/t/${slug}/api/sign-in/challenges`, {
    json: { identifier: p.identifier, dateOfBirth: p.dateOfBirth, year: 2026, browser: `called${String(k).padStart(20, '0')}` },
  })).status === 201);
  counted(point);
  codes.set(point, p.phone.replaceAll(' ', ''));
  await killedAt(point, 'wallet.send-order', () => purse.withdraw(k));
  counted(`bank ${point}`);
}
await purse.place();
const until = systemClock.monotonicMs() + 60_000;
const sentTo = async (phone: string): Promise<number> => (await outbox(phone)).filter((m) => /^\d{6}/.test(m.text)).length;
for (const [point, phone] of codes) {
  while (await sentTo(phone) === 0 && systemClock.monotonicMs() < until) await systemClock.sleep(250);
  const count = await sentTo(phone);
  if (count !== 1) {
    const open = await owner('select name, attempts, lost, last_error, run_at, lease_until from jobs.job');
    wrong.push(`the message killed at ${point} reached the phone ${count} times; jobs: ${JSON.stringify(open)}`);
  }
}
while ((await owner<{ n: string }>('select count(*) as n from jobs.job where dead_at is null'))[0]?.n !== '0' && systemClock.monotonicMs() < until) await systemClock.sleep(250);

wrong.push(...await purse.check(owner));

// The journal against the database.
const facts = new Map((await owner<{ trace: string; n: string }>("select trace, count(*) as n from audit.entry where action = 'taxrefund.viewed' and result = 'done' group by trace")).map((r) => [r.trace, Number(r.n)]));
let answered = 0;
let unanswered = 0;
let lost = 0;
for (const [trace, e] of journal.entries) {
  if (e.what !== 'view') continue;
  const n = facts.get(trace) ?? 0;
  if (e.status === 200) {
    answered += 1;
    const degraded = (JSON.parse(e.body ?? '{}') as { staleSeconds: number | null }).staleSeconds !== null;
    if (n === 0) lost += 1;
    if (n !== 1) wrong.push(`a view that was answered${degraded ? ' from the kept copy' : ''} has ${n} facts (trace ${trace})`);
  } else {
    unanswered += 1;
    if (n > 1) wrong.push(`a view without an answer has ${n} facts (trace ${trace})`);
  }
}
const doubled = await owner("select refund, source, source_event_id, source_version from taxrefund.event group by 1, 2, 3, 4 having count(*) > 1");
if (doubled.length) wrong.push(`${doubled.length} events stand twice`);
const expected = (person - 1000) * eventLines(0, 'fed').length;
const stands = Number((await owner<{ n: string }>("select count(*) as n from taxrefund.event where source_event_id like '%-fed-%'"))[0]?.n);
lost += Math.max(0, expected - stands);
if (stands !== expected) wrong.push(`${stands} events stand, ${expected} were sent`);
const eventFacts = await owner<{ events: string; facts: string }>(`select (select count(*) from taxrefund.event) as events,
  (select count(*) from audit.entry where action = 'taxrefund.event-appended') as facts`);
if (eventFacts[0]?.events !== eventFacts[0]?.facts) wrong.push(`${eventFacts[0]?.facts} facts for ${eventFacts[0]?.events} events`);

serve.process.stdin?.end();
await serve.ended;
const spine = await proveSpine(g, wrong, counted);
const kek = await fileKek(join(g.folder, 'keys', 'kek'));
const cell = openCell({
  connection: g.cells[0] as (typeof g.cells)[number], modules, clock: systemClock, log: createLog({ level: 'warn' }),
  provided: [provide(Kek, () => kek), provide(HeadKeeper, () => fileHeads(join(g.folder, 'heads'))), provide(SpoolFolder, () => join(g.folder, 'spool')),
    provide(ObjectStore, () => folderObjects(join(g.folder, 'objects')))],
});
const directory = { all: () => proveTenants.map((t) => ({ ...t, id: uuid(t.id) })) } as unknown as Parameters<typeof verifyAll>[0]['directory'];
wrong.push(...await verifyAll({ cells: new Map([['IN', cell]]), directory }, () => undefined));
await cell.close();
await Promise.all([sim.stop(), bank.stop()]);
await g.stop();
for (const step of ['program', 'postgres', ...POINTS, ...POINTS.map((p) => `bank ${p}`), ...SPINE_POINTS]) if (!kills[step]) wrong.push(`no kill at ${step}`);
finish('kill', { kills, views_answered: answered, views_unanswered: unanswered, events: stands, feeds_sent_again: pendingFeeds.size, lost, doubled: doubled.length, ...purse.figures, ...spine }, wrong);
