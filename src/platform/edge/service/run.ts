import { z } from 'zod';
import {
  common,
  createBatcher,
  done,
  errorFields,
  isFull,
  isUnavailable,
  nameOf,
  NotYet,
  OutcomeUnknown,
  perform,
  refuse,
  type AnyRoute,
  type Answer,
  type Authenticator,
  type BatchStats,
  type CellContext,
  type Claim,
  type Entry, type Item, type Outcome, type Problem, type Refused, type Scope,
} from '#kernel';
import { addressKey, PER_ADDRESS, PER_MACHINE, PER_OPERATOR, PER_PERSON, retryAfterSeconds, type LimitPolicy, type Verdict } from '#spine/limits';
import { bodyHash, claimScope, isIdempotencyKey, type Taken } from '../rules.ts';
import { routeName, staffed, type EdgeOptions, type Seen } from './context.ts';
import { createGate, type OpenGate } from './gate.ts';

/** Nothing is wrong with what was asked, nor with the service for others. */
export const comeBack = (error: NotYet): Refused => refuse(common.unavailable, { retryAfterSeconds: retryAfterSeconds(error.afterMs) });

type Batcher = { submit(entry: Entry<unknown>): Promise<Answer<unknown>>; stats: BatchStats };

/** Runs routes: the one path that machines' requests, pages and forms all take. */
export interface Runner {
  /** Those of the people first for whom an address is: one browser may be signed in as person and as operator. */
  authenticators(scope: Scope): readonly Authenticator[];
  run(route: AnyRoute, seen: Seen, wire: unknown, key: string | undefined): Promise<Answer<unknown>>;
  stats(): Record<string, BatchStats>;
  readonly gate: OpenGate;
}

/** A refusal with the fields that were wrong, by path. */
export function malformed(error: z.ZodError): Refused {
  return refuse(common.malformed, { errors: error.issues.slice(0, 20).map((i) => ({ field: i.path.map(String).join('.'), message: i.message })) });
}

export function authorize(route: Pick<AnyRoute, 'scope'>, seen: Seen): Refused | undefined {
  const { scope } = route;
  if (scope === 'public') return undefined;
  if (seen.actor.kind === 'nobody') return refuse(common.signedOut);
  if (scope === 'person' || scope === 'operator') return seen.actor.kind === scope ? undefined : refuse(common.forbidden);
  const held = seen.actor.kind === 'machine' || seen.actor.kind === 'operator' ? seen.actor.permissions : [];
  return held.includes(scope) ? undefined : refuse(common.forbidden);
}

const actorName = (seen: Seen): string => ('id' in seen.actor ? `${seen.actor.kind} ${seen.actor.id}` : seen.actor.kind);

const ownLimit = (o: EdgeOptions, { kind }: Seen['actor']): LimitPolicy | undefined =>
  (kind === 'person' ? PER_PERSON : kind === 'operator' ? PER_OPERATOR : kind === 'machine' ? o.perMachine ?? PER_MACHINE : undefined);

/**
 * Takes of the limits of the address and of who asks; at once where this process knows, later where a shared store is asked. A machine has proven which
 * one it is, and counts by itself alone.
 */
export function limited(o: EdgeOptions, seen: Seen): Refused | undefined | Promise<Refused | undefined> {
  if (o.limits === false) return undefined;
  const { actor } = seen;
  const own = ownLimit(o, actor);
  const address = actor.kind === 'machine' ? undefined : o.limiter.take(PER_ADDRESS, addressKey(seen.address), seen.atMs);
  const mine = own && 'id' in actor ? o.limiter.take(own, actor.id, seen.atMs) : undefined;
  if (address instanceof Promise || mine instanceof Promise) {
    return (async () => judged(seen, await address, own, await mine))();
  }
  return judged(seen, address, own, mine);
}

function judged(seen: Seen, address: Verdict | undefined, own: LimitPolicy | undefined, mine: Verdict | undefined): Refused | undefined {
  const taken: Taken[] = [];
  if (address) taken.push({ policy: PER_ADDRESS, verdict: address });
  if (own && mine) taken.push({ policy: own, verdict: mine });
  seen.limits = taken;
  if (address?.ok !== false && mine?.ok !== false) return undefined;
  const waitMs = Math.max(address?.retryAfterMs ?? 0, mine?.retryAfterMs ?? 0);
  return refuse(common.tooMany, { retryAfterSeconds: retryAfterSeconds(waitMs) });
}

function claimOf(route: AnyRoute, seen: Seen, input: unknown, key: string | undefined): Claim | Refused | undefined {
  if (!route.idempotent) return undefined;
  if (key === undefined) return route.idempotent === 'required' ? refuse(common.keyMissing) : undefined;
  if (!isIdempotencyKey(key)) return refuse(common.keyMissing);
  return { scope: claimScope(seen.tenant.id, actorName(seen), routeName(route), key), bodyHash: () => bodyHash(input) };
}

const wireOf = (route: AnyRoute, value: unknown): string =>
  (route.wire ? route.wire(value as never) : JSON.stringify(z.encode(route.output as z.ZodType, value)));
const written = new WeakMap<object, { readonly route: AnyRoute; readonly text: string }>();
function keptWire(route: AnyRoute, value: unknown): string {
  const text = wireOf(route, value);
  if (typeof value === 'object' && value !== null) written.set(value, { route, text });
  return text;
}
/** A route's answer as it leaves. One that was kept under its key was written then, and is not written twice. */
export function answerText(route: AnyRoute, value: unknown): string {
  const known = written.get(value as object);
  return known?.route === route ? known.text : wireOf(route, value);
}

function makeBatcher(o: EdgeOptions, cell: CellContext, route: AnyRoute): Batcher {
  const problems = new Map<string, Problem>([...route.problems, ...Object.values(common), ...o.modules.flatMap((m) => m.problems ?? [])].map((p) =>
    [p.code, p]));
  return createBatcher<unknown, unknown>(cell, {
    name: routeName(route), plural: route.plural, verb: route.verb, recall: route.recall, ahead: route.ahead,
    gates: o.modules.flatMap((m) => m.gates ?? []), claimer: o.modules.find((m) => m.claimer)?.claimer, log: o.log, group: o.group ?? true,
    reads: route.method === 'GET',
    toJson: (outcome) => {
      if (!outcome.ok) return JSON.stringify({ ok: false, code: outcome.problem.code, data: outcome.data });
      return `{"ok":true,"value":${route.kept ? wireOf(route, route.kept(outcome.value)) : keptWire(route, outcome.value)}}`;
    },
    fromJson: (json) => {
      const kept = JSON.parse(json) as { ok: true; value: unknown } | { ok: false; code: string; data: Record<string, unknown> };
      if (kept.ok) return done(z.decode(route.output, kept.value));
      return refuse(problems.get(kept.code) ?? common.internal, kept.data);
    },
  });
}

/** An opaque 500 leaves a fact in a transaction of its own, since the request's own transaction left nothing. */
async function recordFailure(o: EdgeOptions, route: AnyRoute, seen: Seen): Promise<void> {
  try {
    await perform(seen.cell, seen.tenant, origin(seen), async (tx) => tx.audit({ action: 'edge.failed', result: 'failed', resource: routeName(route) }));
  } catch (error) {
    o.log.error('edge.failure-not-recorded', { trace: seen.trace, ...errorFields(error) });
  }
}

const origin = ({ actor, trace, address, agent, site, atMs }: Seen): Omit<Item<unknown>, 'input'> => ({ actor, trace, address, agent, site, atMs });

async function whenDown(o: EdgeOptions, route: AnyRoute, seen: Seen, input: unknown): Promise<Answer<unknown>> {
  const context = { tenant: seen.tenant, ...origin(seen), now: o.clock.now(), use: seen.cell.use };
  const outcome: Outcome<unknown> | undefined = await route.degraded?.(context, input);
  return { outcome: outcome ?? refuse(common.unavailable, { retryAfterSeconds: 5 }), replayed: false };
}

export function createRunner(o: EdgeOptions): Runner {
  const batchers = new Map<CellContext, Map<AnyRoute, Batcher>>();
  const batcherOf = (cell: CellContext, route: AnyRoute): Batcher => {
    let ofCell = batchers.get(cell);
    if (!ofCell) batchers.set(cell, (ofCell = new Map()));
    let batcher = ofCell.get(route);
    if (!batcher) ofCell.set(route, (batcher = makeBatcher(o, cell, route)));
    return batcher;
  };
  const known = o.modules.flatMap((m) => m.authenticators ?? []);
  const ofStaff = (a: Authenticator): boolean => a.of === 'operator';
  const forStaff = [...known.filter(ofStaff), ...known.filter((a) => !ofStaff(a))];
  const forPeople = [...known.filter((a) => !ofStaff(a)), ...known.filter(ofStaff)];
  const refused = (outcome: Refused): Answer<unknown> => ({ outcome, replayed: false });
  const gate = createGate(o);
  const run = async (route: AnyRoute, seen: Seen, wire: unknown, key: string | undefined): Promise<Answer<unknown>> => {
    const no = authorize(route, seen) ?? gate.enter(route, seen);
    if (no) return refused(no);
    let input: unknown;
    try {
      const read = (route.input as z.ZodType).safeDecode(wire as never);
      if (!read.success) return refused(malformed(read.error));
      input = read.data;
      const claim = claimOf(route, seen, input, key);
      if (claim && 'problem' in claim) return refused(claim);
      const prepared: Outcome<unknown> = route.prepare ? await route.prepare({ cell: seen.cell, tenant: seen.tenant, by: origin(seen) }, input) : done(input);
      if (!prepared.ok) return refused(prepared);
      const item = { ...origin(seen), input: prepared.value, ...(claim && route.recall ? { name: nameOf(claim.scope) } : {}) };
      return await batcherOf(seen.cell, route).submit({ tenant: seen.tenant, item, span: seen.span, ...(claim ? { claim } : {}) });
    } catch (error) {
      // Not shown from the kept copy either: its fact may stand already, and one answer has one fact.
      if (error instanceof OutcomeUnknown) return refused(refuse(common.outcomeUnknown, { retryAfterSeconds: 5 }));
      if (isFull(error)) o.log.error('edge.disk-full', { trace: seen.trace, route: routeName(route), ...errorFields(error) });
      if (isUnavailable(error)) return await whenDown(o, route, seen, input);
      if (error instanceof NotYet) return refused(comeBack(error));
      o.log.error('edge.failed', { trace: seen.trace, route: routeName(route), ...errorFields(error) });
      await recordFailure(o, route, seen);
      return refused(refuse(common.internal));
    } finally {
      gate.leave(seen);
    }
  };
  return {
    gate, run,
    authenticators: (scope) => (staffed(scope) ? forStaff : forPeople),
    stats: () => Object.fromEntries([...batchers.values()].flatMap((m) => [...m].map(([r, b]) => [routeName(r), b.stats]))),
  };
}
