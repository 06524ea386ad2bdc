import type { KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { createSignal, errorFields, perform, provide, spineStatement, systemRandom, uuid, uuidv7, type Provided, type Worker,
  type WorkerContext } from '#kernel';
import { tenantKeys, type TenantKeys } from '#spine/vault';
import {
  BREAKER_AFTER, CLAIM_ENDPOINTS_MAX, CLAIM_MAX, DeliverSignal, DeliveryDead, IN_FLIGHT_MAX, KEPT_MS, LEASE_MS, PAYLOAD_BYTES_MAX, PER_ENDPOINT_MAX, POLL_MS,
    Reach,
  SWEEP_BATCH_MAX, SWEEP_EVERY_MS, type Secrets,
} from '../contract.ts';
import { givenUp, nextTry, render, restMs, retryAfter, signature, signingKey } from '../rules.ts';
import { noteOutcomes, claimDeliveries, finishDeliveries, giveBack, sweepDeliveries, sweepMessages, type Claimed, type Results } from '../store/deliveries.ts';
import { disable, secretsPlace } from './endpoints.ts';
import { createSender, type Sent, type Sender } from './send.ts';

export const signalState: Provided = provide(DeliverSignal, (cell) => createSignal(cell.clock));
export const reachState: Provided = provide(Reach, () => ({ loopback: false }));

/** What an endpoint signs with and sends beside: opened once for each revision of its row. */
interface Opened { readonly current: KeyObject; readonly previous: KeyObject | undefined; readonly previousUntilMs: number; readonly headers:
  Readonly<Record<string, string>>; readonly url: URL }
interface Over { readonly claimed: Claimed; readonly sent: Sent }
interface Underway { readonly w: WorkerContext; readonly me: string; readonly sender: Sender; readonly opened: LRUCache<string, Opened>;
  readonly busy: Map<string, number>; readonly over: Over[]; total: number; flushing: boolean }

const OPENED_MAX = 5000;

function open(keys: TenantKeys, c: Claimed): Opened {
  const secrets = JSON.parse(keys.open(secretsPlace('secrets', c.endpoint), c.secrets)) as Secrets;
  return {
    current: signingKey(secrets.current), previous: secrets.previous === undefined ? undefined : signingKey(secrets.previous),
    previousUntilMs: secrets.previousUntil === undefined ? 0 : Date.parse(secrets.previousUntil),
    headers: JSON.parse(keys.open(secretsPlace('headers', c.endpoint), c.headers)) as Record<string, string>, url: new URL(c.url),
  };
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

const unsent = (error: string): Sent => ({ status: null, error, excerpt: '', ms: 0, retryAfter: undefined });

async function sendOne(u: Underway, c: Claimed): Promise<Sent> {
  const { w } = u;
  const tenant = await w.tenant(c.tenant);
  if (!tenant) return unsent('tenant_unknown');
  const name = `${c.endpoint} ${c.revision}`;
  let opened = u.opened.get(name);
  if (!opened) u.opened.set(name, (opened = open(tenantKeys({ use: w.cell.use, tenant }), c)));
  const body = render({ id: c.message, topic: c.topic, at: c.at, data: c.data });
  if (body.length > PAYLOAD_BYTES_MAX) return unsent('payload_too_large');
  return u.sender.send(opened.url, signedHeaders(opened, `evt_${c.message}`, w.clock.now(), body), body);
}

const succeeded = (sent: Sent): boolean => sent.status !== null && sent.status >= 200 && sent.status < 300;

/** What a try leads to: done, another try, or the end of its tries. */
function judge({ claimed, sent }: Over, now: Date): { status: 'done' | 'waiting' | 'dead'; nextAt: Date | null; reason: string | null } {
  if (succeeded(sent)) return { status: 'done', nextAt: null, reason: null };
  const reason = sent.error ?? `status ${sent.status}`;
  if (sent.error === 'payload_too_large') return { status: 'dead', nextAt: null, reason };
  if (sent.error === 'stopped') return { status: 'waiting', nextAt: now, reason };
  const nextAt = nextTry(claimed.attempts, now, systemRandom.unit(), retryAfter(sent.retryAfter, now));
  return nextAt ? { status: 'waiting', nextAt, reason } : { status: 'dead', nextAt: null, reason };
}

async function resultsOf(u: Underway, overs: readonly Over[], now: Date): Promise<Results & { dead: Over[] }> {
  const r = { ids: [] as bigint[], statuses: [] as string[], nextAt: [] as (Date | null)[], reasons: [] as (string | null)[], ms: [] as number[],
    codes: [] as (number | null)[], errors: [] as (string | null)[], excerpts: [] as (string | null)[], dead: [] as Over[] };
  for (const over of overs) {
    const { claimed, sent } = over;
    const judged = judge(over, now);
    const tenant = sent.excerpt && judged.status !== 'done' ? await u.w.tenant(claimed.tenant) : undefined;
    r.ids.push(claimed.id);
    r.statuses.push(judged.status);
    r.nextAt.push(judged.nextAt);
    r.reasons.push(judged.reason);
    r.ms.push(sent.ms);
    r.codes.push(sent.status);
    r.errors.push(sent.error);
    // What a receiver answers to a failure says why; it may quote a person, so it stands sealed.
    r.excerpts.push(tenant ? tenantKeys({ use: u.w.cell.use, tenant }).seal(excerptPlace(claimed.id, claimed.attempts), sent.excerpt) : null);
    if (judged.status === 'dead') r.dead.push(over);
  }
  return r;
}

export const excerptPlace = (delivery: bigint | string, no: number): { table: string; column: string; row: string } =>
  ({ table: 'webhooks.attempt', column: 'excerpt', row: `${delivery} ${no}` });

/** History of each endpoint, oldest outcome first: whether one succeeded, and how many failed after the last success. */
function outcomesOf(overs: readonly Over[], now: Date): Parameters<typeof noteOutcomes>[2] {
  const o = { endpoints: [] as string[], succeeded: [] as boolean[], failed: [] as number[], openUntil: [] as (Date | null)[] };
  for (const [endpoint, list] of Map.groupBy(overs.filter((x) => x.sent.error !== 'stopped' && x.sent.error !== 'payload_too_large'), (x) =>
    x.claimed.endpoint)) {
    const last = list.findLastIndex((x) => succeeded(x.sent));
    const failed = list.length - 1 - last;
    const streak = (last >= 0 ? 0 : (list[0] as Over).claimed.streak) + Math.min(failed, BREAKER_AFTER);
    o.endpoints.push(endpoint);
    o.succeeded.push(last >= 0);
    o.failed.push(failed);
    o.openUntil.push(failed > 0 && streak >= BREAKER_AFTER ? new Date(now.getTime() + restMs(streak, BREAKER_AFTER)) : null);
  }
  return o;
}

/** Writes what became of tries, all that are over at once, and what follows from them. */
async function flush(u: Underway): Promise<void> {
  if (u.flushing) return;
  u.flushing = true;
  try {
    while (u.over.length) {
      const overs = u.over.splice(0);
      await record(u, overs).catch((error: unknown) => u.w.log.warn('webhooks.results-lost', { count: overs.length, ...errorFields(error) }));
      for (const { claimed } of overs) {
        const left = (u.busy.get(claimed.endpoint) ?? 1) - 1;
        if (left > 0) u.busy.set(claimed.endpoint, left);
        else u.busy.delete(claimed.endpoint);
      }
      u.total -= overs.length;
      u.w.cell.use(DeliverSignal).wake();
    }
  } finally {
    u.flushing = false;
  }
}

/** Says which deliveries are given up, before that is written: who dies between the two says it again with the next try. */
async function tellOfDead(u: Underway, all: readonly Over[]): Promise<void> {
  for (const [id, dead] of Map.groupBy(all, (x) => x.claimed.tenant)) {
    const tenant = await u.w.tenant(uuid(id));
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
  const now = w.clock.now();
  const results = await resultsOf(u, overs, now);
  await tellOfDead(u, results.dead);
  const [, histories] = await spineStatement(w.cell, (sql) => Promise.all([finishDeliveries(sql, u.me, now, results), noteOutcomes(sql, now, outcomesOf(overs,
    now))]));
  const gone = new Set(overs.filter((x) => x.sent.status === 410).map((x) => x.claimed.endpoint));
  for (const e of histories) {
    const reason = gone.has(e.id) ? 'gone' : givenUp({ failures: e.failures, firstFailureAt: e.first_failure_at }, now) ? 'failing' : undefined;
    const tenant = reason && await w.tenant(uuid(e.tenant));
    if (reason && tenant) await perform(w.cell, tenant, { actor: { kind: 'system', name: 'webhooks' }, trace: '0'.repeat(32) }, (tx) => disable(tx,
      uuid(e.id), reason));
  }
}

async function claim(u: Underway): Promise<number> {
  const { w } = u;
  const room = Math.min(CLAIM_MAX, IN_FLIGHT_MAX - u.total);
  // A few at a time would cost a statement each; what is under way soon makes room for many.
  if (room < IN_FLIGHT_MAX / 4) return 0;
  const now = w.clock.now();
  const claimed = await spineStatement(w.cell, (sql) => claimDeliveries(sql, {
    worker: u.me, now, until: new Date(now.getTime() + LEASE_MS), endpoints: CLAIM_ENDPOINTS_MAX, room, each: PER_ENDPOINT_MAX, breaker: BREAKER_AFTER,
    busy: [...u.busy.keys()], left: [...u.busy.values()].map((n) => PER_ENDPOINT_MAX - n),
  }));
  u.total += claimed.length;
  for (const c of claimed) {
    u.busy.set(c.endpoint, (u.busy.get(c.endpoint) ?? 0) + 1);
    void sendOne(u, c).catch((error: unknown) => {
      w.log.warn('webhooks.send-threw', { delivery: c.id.toString(), ...errorFields(error) });
      return unsent('internal');
    }).then((sent) => {
      u.over.push({ claimed: c, sent });
      return flush(u);
    });
  }
  return claimed.length;
}

/** Sends what is due. Each process sends what it claimed; one that is killed leaves it to the others when its lease runs out. */
export const deliverer: Worker = {
  name: 'webhooks.deliverer', role: 'worker',
  async run(w) {
    const u: Underway = {
      w, me: uuidv7(w.clock.now(), systemRandom), sender: createSender(w.cell.use(Reach), w.clock), opened: new LRUCache({ max: OPENED_MAX }), busy: new Map(),
      over: [], total: 0, flushing: false,
    };
    const news = w.cell.use(DeliverSignal);
    let gaveBackMs = -Infinity;
    try {
      while (!w.signal.aborted) {
        const waiting = news.wait(POLL_MS, w.signal);
        if (w.clock.monotonicMs() - gaveBackMs > LEASE_MS / 4) {
          gaveBackMs = w.clock.monotonicMs();
          await spineStatement(w.cell, (sql) => giveBack(sql, w.clock.now()));
        }
        if (await claim(u) === 0) await waiting;
      }
    } finally {
      await u.sender.stop();
      while (u.total > 0 && u.w.cell) {
        await flush(u);
        await w.clock.sleep(5);
      }
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
