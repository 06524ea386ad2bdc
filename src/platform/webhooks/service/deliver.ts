import type { KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import {
  Bag, DatabaseClock, errorFields, perform, provide, restMs, spineStatement, spineTransact, systemRandom, uuid, uuidv7, type EventType, type Place,
  type Provided, type TenantRef, type Worker, type WorkerContext,
} from '#kernel';
import { tenantKeys } from '#spine/vault';
import {
  BREAKER, CLAIM_ENDPOINTS_MAX, CLAIM_MAX, DeliverProbe, DeliverSignal, DeliveryDead, IN_FLIGHT_MAX, KEPT_MS, LATE_AFTER, LEASE_MS, OfferedEvents,
  PAYLOAD_BYTES_MAX, PER_ENDPOINT_MAX, POLL_MS, QUICK_MS, Reach, SWEEP_BATCH_MAX, SWEEP_EVERY_MS, type Secrets,
} from '../contract.ts';
import { dataIn, givenUp, nextTry, render, retryAfter, signature, signingKey } from '../rules.ts';
import {
  claimDeliveries, finishDone, finishFailed, noteOutcomes, releaseLeases, renewLeases, sweepDeliveries, sweepMessages, type Claimed, type ClaimedEndpoint,
  type Failed, type Succeeded,
} from '../store/deliveries.ts';
import { disable, secretsPlace } from './endpoints.ts';
import { createSender, type Sent, type Sender, type Target } from './send.ts';

export const reachState: Provided = provide(Reach, () => ({ loopback: false }));

/** What an endpoint signs with and sends beside: opened once for each revision of its row. */
interface Opened { readonly revision: number; readonly tenant: TenantRef; readonly current: KeyObject; readonly previous: KeyObject | undefined;
  readonly previousUntilMs: number; readonly headers: Readonly<Record<string, string>>; readonly target: Target;
  /** Of its payloads. */ readonly version: string;
  /** When its row last said that it succeeds; 0 when it says otherwise. */
  succeedsMs: number;
  /** Answers that came late since the last that came at once; as many as slow ones have while none is known. */ late: number }
/** An endpoint that this process sends to: how much is not over, how much is not written, and how often it had failed in a row when it was last claimed. */
interface Held { readonly endpoint: string; to: Opened | undefined; streak: number; sending: number; unwritten: number;
  /** It may have more due than it was given. */ more: boolean }
/** A delivery that this process has claimed and not yet written the end of. */
interface Carried { readonly claimed: Claimed; readonly held: Held; readonly place: Place<bigint> }
interface Over extends Carried { readonly sent: Sent }
interface Underway { readonly w: WorkerContext; readonly time: DatabaseClock; readonly me: string; readonly probe: DeliverProbe | undefined;
  readonly sender: Sender;
  readonly types: ReadonlyMap<string, EventType>;
  readonly opened: LRUCache<string, Opened>; readonly held: Map<string, Held>;
  /** What is not written. */ readonly ids: Bag<bigint>; /** What is not over. */ sending: number; readonly over: Over[]; flushing: boolean;
  /** What was due may have been left, by a claim without room or one that met a lock: what is over and written is a reason to look again. */
  again: boolean }

const OPENED_MAX = 5000;
const SUCCEEDS_EVERY_MS = 1000;
const FLUSH_REST_MS = 5;
const RECORD_TRIES = 30;
const RECORD_WAIT_MS = 1000;

async function openedOf(u: Underway, endpoint: string, to: ClaimedEndpoint): Promise<Opened | undefined> {
  const known = u.opened.get(endpoint);
  if (known?.revision === to.revision) return known;
  const tenant = await u.w.tenant(to.tenant);
  if (!tenant) return undefined;
  const keys = tenantKeys({ use: u.w.cell.use, tenant });
  const secrets = JSON.parse(keys.open(secretsPlace('secrets', endpoint), to.secrets)) as Secrets;
  const opened: Opened = {
    revision: to.revision, tenant, current: signingKey(secrets.current),
    previous: secrets.previous === undefined ? undefined : signingKey(secrets.previous),
    previousUntilMs: secrets.previousUntil === undefined ? 0 : Date.parse(secrets.previousUntil),
    headers: JSON.parse(keys.open(secretsPlace('headers', endpoint), to.headers)) as Record<string, string>, target: u.sender.target(to.url),
    version: to.version, succeedsMs: 0, late: LATE_AFTER,
  };
  u.opened.set(endpoint, opened);
  return opened;
}

/** Headers of one try: the id stays over retries, the time and with it the signature are the try's own. */
export function signedHeaders(o: Pick<Opened, 'current' | 'previous' | 'previousUntilMs' | 'headers'>, id: string, now: Date, body: Buffer): Record<string,
  string> {
  const seconds = Math.floor(now.getTime() / 1000);
  const keys = o.previous && now.getTime() < o.previousUntilMs ? [o.current, o.previous] : [o.current];
  return {
    ...o.headers, 'content-type': 'application/json', 'user-agent': 'Exchequer-Webhooks/1', 'webhook-id': id, 'webhook-timestamp': String(seconds),
    'webhook-signature': keys.map((key) => signature(key, id, seconds, body)).join(' '),
  };
}

/** Why something cannot be sent however often it is tried; the receiver has no part in it. */
const HOPELESS: readonly (string | null)[] = ['payload_too_large', 'version_retired'];
const unsent = (error: string): Sent => ({ status: null, error, excerpt: '', ms: 0, retryAfter: undefined });

/** Sends one, or says at once why it cannot be sent. */
function sendOne(u: Underway, c: Claimed, to: Opened | undefined, end: (sent: Sent) => void): void {
  if (!to) return end(unsent('internal'));
  const data = dataIn(to.version, u.types.get(c.topic), c.version, c.data);
  if (data === undefined) return end(unsent('version_retired'));
  const body = render({ id: c.message, topic: c.topic, at: c.at, data });
  if (body.length > PAYLOAD_BYTES_MAX) return end(unsent('payload_too_large'));
  const headers = signedHeaders(to, `evt_${c.message}`, u.time.now(), body);
  return u.sender.send({ to: to.target, endpoint: c.endpoint, slow: to.late >= LATE_AFTER, headers, body }, end);
}

const succeeded = (sent: Sent): boolean => sent.status !== null && sent.status >= 200 && sent.status < 300;

/** What a try that failed leads to: another try, or the end of its tries. */
function judge({ claimed, sent }: Over, now: Date): { status: 'waiting' | 'dead'; nextAt: Date | null; reason: string | null } {
  const reason = sent.error ?? `status ${sent.status}`;
  if (HOPELESS.includes(sent.error)) return { status: 'dead', nextAt: null, reason };
  if (sent.error === 'stopped') return { status: 'waiting', nextAt: now, reason };
  const nextAt = nextTry(claimed.attempts + 1, now, systemRandom.unit(), retryAfter(sent.retryAfter, now));
  return nextAt ? { status: 'waiting', nextAt, reason } : { status: 'dead', nextAt: null, reason };
}

/** What is to be written of tries, in the order of their rows. */
function resultsOf(u: Underway, overs: readonly Over[], now: Date): { done: Succeeded; failed: Failed; dead: Over[] } {
  const tries = (): Succeeded => ({ endpoints: [], dueMs: [], ids: [], attempts: [], ms: [], codes: [] });
  const done = tries();
  const failed = { ...tries(), statuses: [] as ('waiting' | 'dead')[],
    nextAt: [] as (Date | null)[], reasons: [] as (string | null)[], errors: [] as (string | null)[], excerpts: [] as (string | null)[] };
  const dead: Over[] = [];
  for (const over of overs.toSorted((a, b) => (a.claimed.id < b.claimed.id ? -1 : 1))) {
    const { claimed, held, sent } = over;
    const no = claimed.attempts + 1;
    const to = succeeded(sent) ? done : failed;
    to.endpoints.push(claimed.endpoint);
    to.dueMs.push(claimed.dueMs);
    to.ids.push(claimed.id);
    to.attempts.push(no);
    to.ms.push(sent.ms);
    to.codes.push(sent.status);
    if (to === done) continue;
    const judged = judge(over, now);
    failed.statuses.push(judged.status);
    failed.nextAt.push(judged.nextAt);
    failed.reasons.push(judged.reason);
    failed.errors.push(sent.error);
    // What a receiver answers to a failure says why; it may quote a person, so it stands sealed.
    failed.excerpts.push(held.to && sent.excerpt
      ? tenantKeys({ use: u.w.cell.use, tenant: held.to.tenant }).seal(excerptPlace(claimed.id, no), sent.excerpt) : null);
    if (judged.status === 'dead') dead.push(over);
  }
  return { done, failed, dead };
}

export const excerptPlace = (delivery: bigint | string, no: number): { table: string; column: string; row: string } =>
  ({ table: 'webhooks.attempt', column: 'excerpt', row: `${delivery} ${no}` });

/**
 * History of each endpoint, oldest outcome first: whether one succeeded, and how many failed after the last success. One that goes on succeeding is
 * said to once in a while, not for each batch.
 */
function outcomesOf(overs: readonly Over[], now: Date): Parameters<typeof noteOutcomes>[2] {
  const o = { endpoints: [] as string[], succeeded: [] as boolean[], failed: [] as number[], openUntil: [] as (Date | null)[] };
  const counted = overs.filter((x) => x.sent.error !== 'stopped' && !HOPELESS.includes(x.sent.error));
  for (const [{ endpoint, streak: before, to }, list] of Map.groupBy(counted, (x) => x.held)) {
    const last = list.findLastIndex((x) => succeeded(x.sent));
    const failed = list.length - 1 - last;
    const streak = (last >= 0 ? 0 : before) + Math.min(failed, BREAKER.after);
    if (failed === 0 && before === 0 && to && now.getTime() - to.succeedsMs < SUCCEEDS_EVERY_MS) continue;
    if (to) to.succeedsMs = failed === 0 ? now.getTime() : 0;
    o.endpoints.push(endpoint);
    o.succeeded.push(last >= 0);
    o.failed.push(failed);
    o.openUntil.push(failed > 0 && streak >= BREAKER.after ? new Date(now.getTime() + restMs(streak, BREAKER)) : null);
  }
  return o;
}

/** Writes results, again and again while that fails: what is not written is sent again. */
async function keepOn(u: Underway, overs: readonly Over[]): Promise<void> {
  const { clock, signal, log } = u.w;
  for (let tries = 1; ; tries++) {
    try {
      await record(u, overs);
      return await u.probe?.at('written');
    } catch (error) {
      const ends = tries >= RECORD_TRIES || signal.aborted;
      log.warn(ends ? 'webhooks.results-lost' : 'webhooks.results-wait', { count: overs.length, ...errorFields(error) });
      if (ends) return;
      await clock.sleep(RECORD_WAIT_MS, signal);
    }
  }
}

/** Writes what became of tries, all that are over at once, and what follows from them. */
async function flush(u: Underway): Promise<void> {
  if (u.flushing) return;
  u.flushing = true;
  try {
    while (u.over.length) {
      const overs = u.over.splice(0);
      await keepOn(u, overs);
      for (const { held, place } of overs) {
        u.ids.remove(place);
        u.again ||= held.more;
        if ((held.unwritten -= 1) === 0) u.held.delete(held.endpoint);
      }
      // Most results make nothing due; to look each time would cost twice what it costs to find what is new.
      if (u.again) u.w.cell.use(DeliverSignal).wake();
      // While there is much to do, more results share a statement.
      if (u.ids.size > IN_FLIGHT_MAX / 4) await u.w.clock.sleep(FLUSH_REST_MS);
    }
  } finally {
    u.flushing = false;
  }
}

/** Says which deliveries are given up, before that is written: who dies between the two says it again with the next try. */
async function tellOfDead(u: Underway, all: readonly Over[]): Promise<void> {
  for (const [tenant, dead] of Map.groupBy(all, (x) => x.held.to?.tenant)) {
    if (!tenant) continue;
    await perform(u.w.cell, tenant, { actor: { kind: 'system', name: 'webhooks' }, trace: '0'.repeat(32) }, async (tx) => {
      for (const { claimed, sent } of dead) {
        tx.emit(DeliveryDead, claimed.endpoint, { endpoint: claimed.endpoint, delivery: String(claimed.id), reason: sent.error ?? `status ${sent.status}` });
      }
    });
  }
}

async function record(u: Underway, overs: readonly Over[]): Promise<void> {
  const { w } = u;
  const now = u.time.now();
  const { done, failed, dead } = resultsOf(u, overs, now);
  await tellOfDead(u, dead);
  const histories = await spineStatement(w.cell, async (sql) => {
    const written = Promise.all([done.ids.length ? finishDone(sql, now, done) : [], failed.ids.length ? finishFailed(sql, now, failed) : []]);
    // What cannot be written is written again, and failures must not be counted twice by that.
    if (failed.ids.length) await written;
    const outcomes = outcomesOf(overs, now);
    const [noted] = await Promise.all([outcomes.endpoints.length ? noteOutcomes(sql, now, outcomes) : [], written]);
    // A claim passes by an endpoint whose row is locked for this; only now does the next one not.
    u.again ||= outcomes.endpoints.length > 0;
    return noted;
  });
  const gone = new Set(overs.filter((x) => x.sent.status === 410).map((x) => x.claimed.endpoint));
  for (const e of histories) {
    const reason = gone.has(e.id) ? 'gone' : givenUp({ failures: e.failures, firstFailureAt: e.first_failure_at }, now) ? 'failing' : undefined;
    const tenant = reason && await w.tenant(uuid(e.tenant));
    if (reason && tenant) await perform(w.cell, tenant, { actor: { kind: 'system', name: 'webhooks' }, trace: '0'.repeat(32) }, (tx) => disable(tx,
      uuid(e.id), reason));
  }
}

const leaseFrom = (now: Date): Date => new Date(now.getTime() + LEASE_MS);

/** Sends what is due; true where there may be more of it at once, not only when some of it is over. */
async function claim(u: Underway): Promise<boolean> {
  const { w } = u;
  // What is over and not yet written leaves room for more to send, within bounds.
  const room = Math.min(CLAIM_MAX, IN_FLIGHT_MAX - u.sending, 2 * IN_FLIGHT_MAX - u.ids.size);
  // A few at a time would cost a statement each; what is under way soon makes room for many.
  if (room < CLAIM_MAX) {
    u.again = true;
    return false;
  }
  u.again = false;
  const now = u.time.now();
  const claimed = await spineStatement(w.cell, (sql) => claimDeliveries(sql, {
    worker: u.me, now, until: leaseFrom(now), endpoints: CLAIM_ENDPOINTS_MAX, room, each: PER_ENDPOINT_MAX, breaker: BREAKER.after,
    busy: [...u.held.keys()], left: [...u.held.values()].map((h) => PER_ENDPOINT_MAX - h.sending), underway: u.ids.members(),
  }));
  // All of it counts as under way before any of it is: what is over at once must not take the endpoint from the rest.
  const all = claimed.map((c): Carried => {
    let held = u.held.get(c.endpoint);
    if (!held) u.held.set(c.endpoint, (held = { endpoint: c.endpoint, to: undefined, streak: 0, sending: 0, unwritten: 0, more: false }));
    held.sending += 1;
    held.unwritten += 1;
    held.more ||= c.to?.rationed === true || held.sending >= PER_ENDPOINT_MAX;
    u.sending += 1;
    return { claimed: c, held, place: u.ids.add(c.id) };
  });
  if (claimed.length) await u.probe?.at('claimed');
  for (const { claimed: c, held } of all) {
    if (!c.to) continue;
    held.streak = c.to.streak;
    held.to = await openedOf(u, c.endpoint, c.to).catch((error: unknown) => {
      w.log.warn('webhooks.endpoint-not-opened', { endpoint: c.endpoint, ...errorFields(error) });
      return undefined;
    });
  }
  for (const c of all) carry(u, c);
  return claimed.length >= room || new Set(claimed.map((c) => c.endpoint)).size >= CLAIM_ENDPOINTS_MAX;
}

/** What never reached the receiver says nothing of how quick it is, unless it took its time. */
function learn(to: Opened, { ms, status }: Sent): void {
  if (ms > QUICK_MS) to.late += 1;
  else if (status !== null) to.late = 0;
}

function carry(u: Underway, carried: Carried): void {
  const { claimed, held, place } = carried;
  const over = (sent: Sent): void => {
    if (held.to) learn(held.to, sent);
    held.sending -= 1;
    if ((u.sending -= 1) === IN_FLIGHT_MAX - CLAIM_MAX) u.w.cell.use(DeliverSignal).wake();
    u.over.push({ claimed, held, place, sent });
    if (!u.flushing) void flush(u);
  };
  const { probe } = u;
  let passed: Promise<void> | undefined;
  try {
    sendOne(u, claimed, held.to, probe ? (sent) => void Promise.resolve(passed).then(() => probe.at('answered')).then(() => over(sent)) : over);
    passed = probe?.at('sent');
  } catch (error) {
    u.w.log.warn('webhooks.send-threw', { delivery: claimed.id.toString(), ...errorFields(error) });
    over(unsent('internal'));
  }
}

/** Reads the database's clock, and says that endpoints with something under way are this process's. */
async function look(u: Underway): Promise<void> {
  const askedMs = u.w.clock.monotonicMs();
  const now = await spineTransact(u.w.cell, async (tx) => {
    if (u.held.size) await renewLeases(tx.sql, u.me, leaseFrom(tx.now), [...u.held.keys()]);
    return tx.now;
  });
  u.time.set(now, askedMs);
}

/** Does so again and again until this ends. */
async function renew(u: Underway, ending: AbortSignal): Promise<void> {
  const { clock, cell, log } = u.w;
  for (;;) {
    await clock.sleep(LEASE_MS / 4, ending);
    if (ending.aborted) return;
    // A claim passes by an endpoint whose row this holds locked, so it looks again behind it.
    await look(u).then(() => u.held.size > 0 && cell.use(DeliverSignal).wake(), (error: unknown) => log.warn('webhooks.lease-not-renewed', errorFields(error)));
  }
}

/**
 * Sends what is due to the endpoints that this process holds. One that is killed leaves them to the others when its leases run out; what it had under
 * way is sent again.
 */
export const deliverer: Worker = {
  name: 'webhooks.deliverer', role: 'worker',
  async run(w) {
    const u: Underway = {
      w, time: new DatabaseClock(w.clock), me: uuidv7(w.clock.now(), systemRandom), probe: w.cell.use(DeliverProbe),
      sender: createSender(w.cell.use(Reach), w.clock),
      types: w.cell.use(OfferedEvents),
      opened: new LRUCache({ max: OPENED_MAX }), held: new Map(), ids: new Bag(), sending: 0, over: [], flushing: false, again: false,
    };
    const news = w.cell.use(DeliverSignal);
    const ending = new AbortController();
    const renewing = renew(u, ending.signal);
    try {
      await look(u);
      while (!w.signal.aborted) {
        const waiting = news.wait(POLL_MS, w.signal);
        if (!await claim(u)) await waiting;
      }
    } finally {
      ending.abort('over');
      await u.sender.stop();
      while (u.ids.size > 0) {
        await flush(u);
        await w.clock.sleep(5);
      }
      await renewing;
      await spineStatement(w.cell, (sql) => releaseLeases(sql, u.me))
        .catch((error: unknown) => w.log.warn('webhooks.lease-not-released', errorFields(error)));
    }
  },
};

export const sweeper: Worker = {
  name: 'webhooks.sweeper', role: 'worker',
  async run(w) {
    while (!w.signal.aborted) {
      const ago = (ms: number): Date => new Date(w.clock.now().getTime() - ms);
      const all = async (step: () => Promise<number>): Promise<void> => {
        for (let n = SWEEP_BATCH_MAX; n >= SWEEP_BATCH_MAX && !w.signal.aborted;) n = await step();
      };
      await all(() => spineStatement(w.cell, (sql) => sweepDeliveries(sql, ago(KEPT_MS), SWEEP_BATCH_MAX)));
      for (const { id } of w.tenants()) {
        await all(async () => (await spineStatement(w.cell, (sql) => sweepMessages(sql, id, ago(2 * KEPT_MS), SWEEP_BATCH_MAX))).length);
      }
      await w.clock.sleep(SWEEP_EVERY_MS, w.signal);
    }
  },
};
