import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorFields, isUnavailable, newTrace, perform, uuid, type Clock, type Log, type Uuid } from '#kernel';
import { findPersons, type MachineKey } from '#spine/identity';
import type { TenantRecord } from '#spine/tenancy';
import type { Program } from '../program.ts';
import type { Cell } from '../runtime.ts';
import { feedKey, sendFeed } from '../seed.ts';
import type { Sim } from '../sims.ts';
import { verifyAll } from '../verify.ts';
import type { Database } from './database.ts';
import { codeIn, newestText, outbox, type Letter, type Text } from './outbox.ts';
import { peopleToTry, type TourPerson } from './people.ts';
import { BANK, payer, type Paid, type Payer } from './pay.ts';
import { codeOf, lastEvent, newestFact, readPostings, readSeen, restore, spreadOf, tamper, type Spread, type LastEvent, type PostingSeen, type Seen,
  type Tampered } from './rows.ts';

export const CUT_MS = 10_000;
export const TENANT = 'india';
/** Why a step refuses; keys of the words. */
export type Refusal =
  | 'loading' | 'signInFirst' | 'alreadyRejected' | 'notRejected' | 'cutNow' | 'nothingToChange' | 'alreadyChanged' | 'notChanged' | 'signInFailed' | 'failed';

export interface Why {
  readonly trace: string; readonly event: LastEvent; readonly reasonCode: string | null;
  readonly law: { readonly regime: string; readonly section: string; readonly checked: string } | null;
}
/** What the steps have done since the program began; the page is drawn from this and from rows. */
export interface Told {
  refused?: { readonly step: number; readonly why: Refusal } | undefined;
  fed?: { readonly code: string; readonly sourceEventId: string; readonly accepted: number; readonly trace: string };
  why?: Why;
  cut?: { readonly at: Date; readonly until: Date; back?: Date | undefined };
  tampered?: Tampered & { readonly findings: readonly string[]; readonly facts: string; readonly ms: number };
  paid?: Paid;
  spread?: Spread & { readonly trace: string; readonly text: Text | undefined; readonly letter: Letter | undefined; readonly signed: boolean };
  restored?: { readonly findings: readonly string[]; readonly facts: string; readonly ms: number } | undefined;
}

export interface Now {
  readonly seen: Seen; readonly down: boolean; readonly answered: number; readonly text: Text | undefined; readonly postings: readonly PostingSeen[];
}

export interface Stage {
  readonly told: Told;
  readonly people: readonly TourPerson[];
  readonly clock: Clock;
  hasTenant(slug: string): boolean;
  /** The tour's person, once the feed has brought her. */
  person(): Promise<Uuid | undefined>;
  now(): Promise<Now>;
  /** Counts one answered view of a refund. */
  answered(): void;
  reject(): Promise<Refusal | undefined>;
  sendAgain(): Promise<Refusal | undefined>;
  why(cookie: string): Promise<Refusal | undefined>;
  cut(): Promise<Refusal | undefined>;
  tamper(): Promise<Refusal | undefined>;
  restore(): Promise<Refusal | undefined>;
  pay(): Promise<Refusal | undefined>;
  tell(): Promise<Refusal | undefined>;
  /** The season is in: steps that would disturb it may run. */
  loaded(): void;
}

export interface StageOptions {
  readonly program: Program; readonly base: string; readonly dataDir: string; readonly clock: Clock; readonly log: Log; readonly phones: readonly Sim[];
    readonly relays: readonly Sim[]; readonly hook: Sim;
    readonly database: Database;
}

const NOTHING: Seen = { events: [], facts: [], signIn: [], views: { audited: 0, spooled: 0 } };

interface Made { readonly o: StageOptions; readonly tenant: TenantRecord; readonly cell: Cell; readonly told: Told; readonly her: TourPerson;
  person(): Promise<Uuid | undefined>; key(): Promise<MachineKey> }

/** Sends events about the tour's person through the signed feed, as the authority would. */
async function feed(m: Made, lines: readonly { source: string; code: string; facts?: Record<string, unknown> }[]): Promise<void> {
  const now = m.o.clock.now().getTime();
  const events = lines.map((line, i) => {
    const at = new Date(now - lines.length + i + 1).toISOString();
    return {
      kind: 'event', identifier: m.her.identifier, year: m.her.year, returnNo: 1, source: line.source, sourceEventId: `${line.source}-tour-${now}-${i}`,
        sourceVersion: 1, occurredAt: at,
      code: line.code, facts: line.facts ?? {},
    };
  });
  const { counts, trace } = await sendFeed({ base: m.o.base, slug: TENANT, key: await m.key(), lines: events, clock: m.o.clock });
  const last = events.at(-1) as (typeof events)[number];
  m.told.fed = { code: last.code, sourceEventId: last.sourceEventId, accepted: counts.accepted, trace };
}

async function statusNow(m: Made): Promise<string | undefined> {
  const person = await m.person();
  return person && codeOf(m.cell, m.tenant, person, m.her.year);
}

async function reject(m: Made): Promise<Refusal | undefined> {
  const code = await statusNow(m);
  if (code === undefined) return 'loading';
  if (code === 'IN_FAILED') return 'alreadyRejected';
  await feed(m, [{ source: 'banker', code: 'IN_FAILED', facts: { reasonCode: 'account_closed', trackingNo: `EXR${m.her.year}ASHA` } }]);
  return undefined;
}

async function sendAgain(m: Made): Promise<Refusal | undefined> {
  if (await statusNow(m) !== 'IN_FAILED') return 'notRejected';
  await feed(m, [{ source: 'efiling', code: 'IN_REISSUE_REQ' }, { source: 'cpc', code: 'IN_SENT_BANKER',
    facts: { paid: '1845000', trackingNo: `EXR${m.her.year}ASHA2` } }]);
  return undefined;
}

interface ViewAnswer { returns: { reasonCode: string | null; law: { regime: string; section: string; checked: string } | null }[] }

/** Asks the person's own audited route, then reads the rows that its answer rests on. */
async function why(m: Made, cookie: string): Promise<Refusal | undefined> {
  const person = await m.person();
  if (!person) return 'loading';
  const trace = newTrace();
  const answer = await fetch(`${m.o.base}/t/${TENANT}/api/tax-refunds/${m.her.year}`,
    { headers: { cookie, traceparent: `00-${trace}-${trace.slice(0, 16)}-01` } });
  if (answer.status === 401 || answer.status === 404) return 'signInFirst';
  if (!answer.ok) return 'failed';
  const shown = (await answer.json() as ViewAnswer).returns[0];
  const event = await lastEvent(m.cell, m.tenant, person, m.her.year);
  if (!shown || !event) return 'loading';
  m.told.why = { trace, event, reasonCode: shown.reasonCode, law: shown.law };
  return undefined;
}

async function cut(m: Made, ready: boolean): Promise<Refusal | undefined> {
  if (!ready) return 'loading';
  const at = m.o.clock.now();
  const mine: NonNullable<Told['cut']> = { at, until: new Date(at.getTime() + CUT_MS) };
  m.told.cut = mine;
  const { back } = await m.o.database.cut(CUT_MS);
  back.then(() => { mine.back = m.o.clock.now(); }, (error: unknown) => m.o.log.error('tour.database-not-back', errorFields(error)));
  return undefined;
}

async function check(m: Made): Promise<{ findings: readonly string[]; facts: string; ms: number }> {
  const began = m.o.clock.monotonicMs();
  const lines: string[] = [];
  const findings = await verifyAll({ cells: m.o.program.cells, directory: m.o.program.directory }, (line) => void lines.push(line));
  return { findings, facts: lines.find((l) => l.startsWith(`${m.cell.name}  audit chain`)) ?? '', ms: Math.round(m.o.clock.monotonicMs() - began) };
}

const tamperedFile = (m: Made): string => join(m.o.dataDir, 'tampered.json');
const superuser = (m: Made): ReturnType<Database['server']['connection']> => m.o.database.server.connection(m.cell.connection.database);

async function tamperOne(m: Made): Promise<Refusal | undefined> {
  if (m.told.tampered && !m.told.restored) return 'alreadyChanged';
  const person = await m.person();
  if (!person) return 'loading';
  const row = await tamper(superuser(m), m.tenant, person, uuid(newTrace()));
  if (!row) return 'nothingToChange';
  // Kept outside, so that the row can be put right after a stop as well.
  await writeFile(tamperedFile(m), JSON.stringify(row), { mode: 0o600 });
  m.told.restored = undefined;
  m.told.tampered = { ...row, ...await check(m) };
  return undefined;
}

async function restoreIt(m: Made): Promise<Refusal | undefined> {
  if (!m.told.tampered || m.told.restored) return 'notChanged';
  await restore(superuser(m), m.told.tampered);
  await rm(tamperedFile(m), { force: true });
  m.told.restored = await check(m);
  return undefined;
}

/** Puts right what a tour before this start left changed. */
async function heal(m: Made): Promise<void> {
  const row = await readFile(tamperedFile(m), 'utf8').then((t) => JSON.parse(t) as Tampered, () => undefined);
  if (!row) return;
  await restore(superuser(m), row);
  await rm(tamperedFile(m), { force: true });
}

async function payOnce(m: Made, purse: Payer | undefined): Promise<Refusal | undefined> {
  const paid = await purse?.pay() ?? 'loading';
  if (typeof paid === 'string') return paid;
  m.told.paid = paid;
  return undefined;
}

const SPREAD_MS_MAX = 6000;
const SPREAD_POLL_MS = 100;
/** What may follow where the refund stands: one event each time. */
const NEXT: Readonly<Record<string, { source: string; code: string; facts?: Record<string, unknown> }>> = {
  IN_FAILED: { source: 'efiling', code: 'IN_REISSUE_REQ' },
  IN_REISSUE_REQ: { source: 'cpc', code: 'IN_SENT_BANKER', facts: { paid: '1845000' } },
};

/** One event through the feed, and then wherever it went: notice, inbox, text, webhook. */
async function tellEverywhere(m: Made): Promise<Refusal | undefined> {
  const code = await statusNow(m);
  if (code === undefined) return 'loading';
  await feed(m, [NEXT[code] ?? { source: 'banker', code: 'IN_FAILED', facts: { reasonCode: 'account_closed' } }]);
  const { trace } = m.told.fed as NonNullable<Told['fed']>;
  const done = (s: Spread | undefined): boolean => !!s?.notice && s.hook?.status === 'done' && !s.messages.some((x) => ['waiting',
    'sending'].includes(x.state));
  let spread = await spreadOf(m.cell, m.tenant, trace);
  for (let waited = 0; !done(spread) && waited < SPREAD_MS_MAX; waited += SPREAD_POLL_MS) {
    await m.o.clock.sleep(SPREAD_POLL_MS);
    spread = await spreadOf(m.cell, m.tenant, trace);
  }
  if (!spread?.notice) return 'failed';
  const came = await outbox<Text & { signed: boolean }>([m.o.hook]);
  const letters = await outbox<Letter>(m.o.relays);
  const sent = spread.messages.some((x) => x.channel === 'email' && x.state === 'sent');
  m.told.spread = {
    ...spread, trace, text: newestText((await outbox(m.o.phones)).filter((t) => codeIn(t.text) === undefined), [m.her.phone], m.o.clock.now()),
    letter: sent ? letters[0] : undefined, signed: came.some((c) => c.id.replaceAll('-', '').endsWith(spread.event.replaceAll('-', '')) && c.signed),
  };
  return undefined;
}

/** Makes the tour's stage over a running demo. */
export async function openStage(o: StageOptions): Promise<Stage> {
  const tenant = o.program.directory.bySlug(TENANT);
  const cell = tenant && o.program.cells.get(tenant.cell);
  if (!tenant || !cell) throw new Error(`the tour needs the tenant ${TENANT}`);
  const people = peopleToTry(tenant, o.clock);
  const her = people[0] as TourPerson;
  let known: Uuid | undefined;
  let key: MachineKey | undefined;
  const told: Told = {};
  const m: Made = {
    o, tenant, cell, told, her,
    person: async () => (known ??= (await perform(cell, tenant, { actor: { kind: 'system', name: 'demo' }, trace: newTrace() }, (tx) =>
      findPersons(tx, [her.identifier])))[0]),
    key: async () => (key ??= await feedKey(o.program, TENANT)),
  };
  await heal(m);
  const bank = o.program.directory.bySlug(BANK);
  const bankCell = bank && o.program.cells.get(bank.cell);
  const purse = bank && bankCell && payer({ base: o.base, clock: o.clock, phones: o.phones, bank, cell: bankCell, her });
  const after = await newestFact(cell, tenant);
  let count = 0;
  let ready = false;
  let last = NOTHING;
  let postings: readonly PostingSeen[] = [];
  const isCut = (): boolean => told.cut !== undefined && told.cut.back === undefined;
  const unlessCut = async (run: () => Promise<Refusal | undefined>): Promise<Refusal | undefined> => {
    if (isCut()) return 'cutNow';
    try {
      return await run();
    } catch (error) {
      o.log.error('tour.step-failed', errorFields(error));
      return isUnavailable(error) ? 'cutNow' : 'failed';
    }
  };
  return {
    told, people, clock: o.clock, person: m.person, hasTenant: (slug) => o.program.directory.bySlug(slug) !== undefined,
    answered: () => { count += 1; },
    loaded: () => { ready = true; },
    async now() {
      let down = isCut();
      try {
        if (!down) last = await readSeen(cell, tenant, { person: await m.person(), after });
        if (!down && bank && bankCell) postings = await readPostings(bankCell, bank);
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        down = true;
      }
      return { seen: last, down, answered: count, postings, text: newestText(await outbox(o.phones), people.map((p) => p.phone), o.clock.now()) };
    },
    reject: () => unlessCut(() => reject(m)), sendAgain: () => unlessCut(() => sendAgain(m)), why: (cookie) => unlessCut(() => why(m, cookie)),
    cut: () => unlessCut(() => cut(m, ready)), tamper: () => unlessCut(() => tamperOne(m)), pay: () => unlessCut(() => payOnce(m, purse)),
    tell: () => unlessCut(() => tellEverywhere(m)), restore: () =>
      unlessCut(() => restoreIt(m)),
  };
}
