import { databaseTime, errorFields, isUnavailable, NotYet, realNow, spineStatement, spineTransact, transact, uuid, type TenantRef } from '#kernel';
import { AWAY_MS, HANDLER_TRIES_MAX, PARKED_EVERY_MS, PARTS, RELEASE_MAX, type StoredEvent } from '../contract.ts';
import { lockParked, markReleased, moveCursors, noteFailure, park, parkedKeys, unpark } from '../store.ts';
import { CursorLost, deliver, nameOf, react, stand, type Follow, type Part, type Relay } from './deliver.ts';

/** After which time it may be had what this was thrown for; undefined where a person has to look. */
const comesBackMs = (error: unknown): number | undefined =>
  (error instanceof NotYet ? error.afterMs : isUnavailable(error) ? AWAY_MS : undefined);

/** Events are tried alone; one that keeps failing is parked with its key, and the stream goes on. */
export async function deliverAlone(r: Relay, f: Follow, p: Part, events: readonly StoredEvent[]): Promise<void> {
  const parked = new Set(f.parked.map(nameOf));
  const setAside = async (e: StoredEvent, reason: string, forMs?: number): Promise<void> => {
    await spineTransact(r.w.cell, async (tx) => {
      await park(tx.sql, f.subscriber, e, reason, tx.now, forMs === undefined ? null : new Date(tx.now.getTime() + forMs));
      if (!(await moveCursors(tx.sql, r.me, [{ subscriber: f.subscriber, part: p.part, from: p.pos, to: e.pos }])).length) throw new CursorLost();
    });
    if (!parked.has(nameOf(e))) f.parked = [...f.parked, { tenant: e.tenant, key: e.key, released: false, hash: BigInt(p.part) }];
    parked.add(nameOf(e));
    stand(p, e.pos);
  };
  for (const e of events) {
    if (parked.has(nameOf(e))) {
      await setAside(e, 'an earlier event of this key is parked');
      continue;
    }
    try {
      await deliver(r, f, [p], [e], e.pos);
    } catch (error) {
      if (error instanceof CursorLost) throw error;
      if (error instanceof NotYet) {
        r.w.log.warn('events.waits', { subscriber: f.subscriber, pos: e.pos.toString(), topic: e.topic, ...errorFields(error) });
        await setAside(e, error.name, error.afterMs);
        continue;
      }
      const failures = await spineTransact(r.w.cell, (tx) => noteFailure(tx.sql, f.subscriber, p.part, error instanceof Error ? error.name : 'unknown'));
      const fields = { subscriber: f.subscriber, pos: e.pos.toString(), topic: e.topic, failures, ...errorFields(error) };
      if (failures < HANDLER_TRIES_MAX) {
        r.w.log.warn('events.handler-failed', fields);
        await r.w.clock.sleep(50 * 2 ** failures, f.ending.signal);
        return;
      }
      r.w.log.error('events.parked', fields);
      await setAside(e, error instanceof Error ? error.name : 'unknown', comesBackMs(error));
    }
  }
}

/** Gives the parked events of a released key their effect, in their order; one that fails again stays parked, and so do those behind it. */
async function release(r: Relay, f: Follow, p: Part, tenant: TenantRef, key: string): Promise<void> {
  try {
    await transact(r.w.cell, r.w.cell.pools.app, [{ tenant, run: async (tx) => {
      const held = await moveCursors(tx.sql, r.me, [{ subscriber: f.subscriber, part: p.part, from: p.pos, to: p.pos }]);
      if (!held.length) throw new CursorLost();
      const events = await lockParked(tx.sql, f.subscriber, tenant.id, key, RELEASE_MAX);
      await react(tx, f, events.filter((e) => f.reactions.has(e.topic)));
      await unpark(tx.sql, f.subscriber, events.map((e) => e.pos));
      // When the first one may be tried stood with it alone: what is left of the key follows.
      if (events.length === RELEASE_MAX) await markReleased(tx.sql, f.subscriber, tenant.id, key, realNow(tx));
    } }]);
  } catch (error) {
    if (error instanceof CursorLost) throw error;
    const afterMs = comesBackMs(error);
    if (afterMs === undefined) r.w.log.error('events.parked', { subscriber: f.subscriber, ...errorFields(error) });
    await transact(r.w.cell, r.w.cell.pools.app, [{ tenant, run: async (tx) => void await markReleased(tx.sql, f.subscriber, tenant.id, key,
      afterMs === undefined ? null : new Date(realNow(tx).getTime() + afterMs)) }]);
  }
}

/** What is parked is read when a part is taken and now and then, and what was released has its effect. */
export async function lookAtParked(r: Relay, f: Follow): Promise<void> {
  const parts = [...f.parts.values()];
  if (parts.every((p) => p.known) && r.w.clock.monotonicMs() - f.parkedAtMs < PARKED_EVERY_MS) return;
  f.parked = await spineStatement(r.w.cell, (sql) => parkedKeys(sql, f.subscriber, databaseTime()));
  f.parkedAtMs = r.w.clock.monotonicMs();
  for (const p of parts) p.known = true;
  for (const k of f.parked.filter((x) => x.released)) {
    const p = f.parts.get(Number(k.hash % BigInt(PARTS)));
    const tenant = p && await r.w.tenant(uuid(k.tenant));
    if (p && tenant && !p.alone) {
      await release(r, f, p, tenant, k.key);
      f.parkedAtMs = Number.NEGATIVE_INFINITY;
    }
  }
}
