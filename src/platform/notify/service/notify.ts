import { channels, idOf, on, type Channel, type EventData, type EventType, type NoticeKind, type Origin, type Reaction, type SectionTx, type Tx,
  type Uuid } from '#kernel';
import { Noted, SendMessage } from '../contract.ts';
import { isWanted } from '../rules.ts';
import { wantedBy } from '../store/choices.ts';
import { insertMessages, insertNotices, type NewMessage, type NewNotice } from '../store/messages.ts';
import { Pools } from './pool.ts';
import type { Values } from './render.ts';

/** Something to tell one person. `dedupe` names what it is about: told again with the same words, nothing happens. */
export interface Telling {
  readonly person: Uuid;
  readonly dedupe: string;
  readonly data: Values;
  /** Path of the page that says more, without the tenant's prefix. */
  readonly link?: string;
  /** Not before this instant. */
  readonly at?: Date;
  readonly campaign?: Uuid;
}

/** Tells persons of something, in the transaction that it happened in or follows from. One statement a table, however many; resolves to how many were new. */
export async function notifyAll(tx: SectionTx, by: Origin, kind: NoticeKind, tellings: readonly Telling[]): Promise<number> {
  if (!tellings.length) return 0;
  const chosen = new Map((await wantedBy(tx.sql, tx.tenant.id, [...new Set(tellings.map((t) => t.person))], kind.name, 'inbox')).map((r) =>
    [r.person, r.wanted]));
  const rows = tellings.map((t): NewNotice & { telling: Telling } => ({
    id: tx.uuid(), person: t.person, kind: kind.name, dedupe: t.dedupe, data: JSON.stringify(t.data), link: t.link ?? null, campaign: t.campaign ?? null,
      trace: by.trace,
    shown: kind.offered.includes('inbox') && isWanted(kind, 'inbox', chosen.get(t.person)),
    expiresAt: new Date(Math.max(tx.now.getTime(), t.at?.getTime() ?? 0) + kind.lifeMs), telling: t,
  }));
  const fresh = new Set(await insertNotices(tx.sql, tx.tenant.id, tx.now, rows));
  const told = rows.filter((r) => fresh.has(r.id));
  const messages = told.flatMap((r) => channels.filter((c) => kind.offered.includes(c)).map((channel): NewMessage => ({
    id: tx.uuid(), notice: r.id, person: r.person, kind: kind.name, channel, lane: kind.lane, ...firstState(tx.use(Pools), channel, r.shown),
    not_before: channel === 'inbox' ? null : r.telling.at ?? null,
  })));
  if (messages.length) tx.write(() => insertMessages(tx.sql, tx.tenant.id, tx.now, messages));
  const at = new Map(told.map((r) => [r.id, r.telling.at]));
  for (const m of messages) {
    if (m.state !== 'waiting') continue;
    const runAt = at.get(m.notice);
    tx.later(by, SendMessage, { message: m.id }, { priority: priorityOf[kind.lane], ...(runAt ? { runAt } : {}) });
  }
  for (const r of told) if (r.shown) tx.emit(by, Noted, r.person, { person: r.person, notice: idOf('ntc', r.id) });
  return told.length;
}

/** Each lane waits behind the ones before it, and never in front. */
export const priorityOf = { critical: 'urgent', normal: 'usual', bulk: 'bulk' } as const;

/** What is plain from the beginning needs no job: the inbox, and a channel that this office has nobody for. */
function firstState(pools: Pools, channel: Channel, shown: boolean): Pick<NewMessage, 'state' | 'reason'> {
  if (channel === 'inbox') return shown ? { state: 'delivered', reason: null } : { state: 'suppressed', reason: 'not-wanted' };
  return pools[channel].size > 0 ? { state: 'waiting', reason: null } : { state: 'suppressed', reason: 'no-provider' };
}

/** Tells one person, from a singular verb. False when they were told before. */
export const notify = async (tx: Tx, kind: NoticeKind, telling: Telling): Promise<boolean> => await notifyAll(tx.section, tx, kind, [telling]) === 1;

/** A reaction that tells persons of an event; one cursor for all of them. `whom` is pure: whom to tell of what. */
export const tells = <E extends EventType>(type: E, whom: (event: { readonly id: string; readonly key: string; readonly at: Date;
  readonly data: EventData<E> }) =>
  readonly { readonly kind: NoticeKind; readonly telling: Telling }[]): Reaction<E> => on(type, 'notify', async (tx, event) => {
  for (const { kind, telling } of whom(event)) await notifyAll(tx.section, tx, kind, [telling]);
});
