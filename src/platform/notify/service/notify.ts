import {
  channels, idOf, on, type Channel, type EventData, type EventType, type NoticeKind, type Origin, type Reaction, type SectionTx, type Tx, type Uuid,
} from '#kernel';
import { Noted, SendMessage } from '../contract.ts';
import { insertNotices, type NewMessage, type NewNotice } from '../store/messages.ts';
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

/** Each lane waits behind the ones before it, and never in front. */
export const priorityOf = { critical: 'urgent', normal: 'usual', bulk: 'bulk' } as const;

interface Draft { readonly by: Origin; readonly kind: NoticeKind; readonly telling: Telling;
  readonly notice: NewNotice; readonly messages: readonly NewMessage[] }

const inboxOf = (kind: NoticeKind): NewNotice['inbox'] => {
  if (!kind.offered.includes('inbox')) return 'never';
  if (!kind.chosen.includes('inbox')) return 'off';
  return kind.lane === 'critical' ? 'always' : 'on';
};

/** What is plain from the beginning needs no job: the inbox, and a channel that this office has nobody for. */
const firstState = (pools: Pools, channel: Channel): Pick<NewMessage, 'state' | 'reason'> =>
  (channel === 'inbox' || pools[channel].size > 0 ? { state: 'waiting', reason: null } : { state: 'suppressed', reason: 'no-provider' });

function draft(tx: SectionTx, by: Origin, kind: NoticeKind, telling: Telling): Draft {
  const { person } = telling;
  const id = tx.uuid();
  const base = { notice: id, person, kind: kind.name, lane: kind.lane };
  return {
    by, kind, telling,
    notice: {
      id, person, kind: kind.name, dedupe: telling.dedupe, data: JSON.stringify(telling.data), link: telling.link ?? null, campaign: telling.campaign ?? null,
      trace: by.trace, inbox: inboxOf(kind), expiresAt: new Date(Math.max(tx.now.getTime(), telling.at?.getTime() ?? 0) + kind.lifeMs),
    },
    messages: channels.filter((c) => kind.offered.includes(c)).map((channel) => (
      { id: tx.uuid(), ...base, channel, ...firstState(tx.use(Pools), channel), not_before: channel === 'inbox' ? null : telling.at ?? null })),
  };
}

/** Jobs for what leaves the house, and a hint for the badge. */
function follow(tx: SectionTx, d: Draft): void {
  const { by, kind, telling: { at, person } } = d;
  for (const m of d.messages) {
    if (m.state === 'waiting' && m.channel !== 'inbox') tx.later(by, SendMessage, { message: m.id }, { priority: priorityOf[kind.lane], ...(at
      ? { runAt: at } : {}) });
  }
  if (d.notice.inbox !== 'never') tx.emit(by, Noted, person, { person, notice: idOf('ntc', d.notice.id) });
}

const write = (tx: SectionTx, drafts: readonly Draft[]): Promise<Uuid[]> =>
  insertNotices(tx.sql, tx.tenant.id, tx.now, drafts.map((d) => d.notice), drafts.flatMap((d) => d.messages));

/** Tells persons of something, in the transaction that it happened in or follows from. One statement, however many; resolves to how many were new. */
export async function notifyAll(tx: SectionTx, by: Origin, kind: NoticeKind, tellings: readonly Telling[]): Promise<number> {
  if (!tellings.length) return 0;
  const drafts = tellings.map((t) => draft(tx, by, kind, t));
  const fresh = new Set(await write(tx, drafts));
  for (const d of drafts) if (fresh.has(d.notice.id)) follow(tx, d);
  return fresh.size;
}

/** Tells one person, from a singular verb. False when they were told before. */
export const notify = async (tx: Tx, kind: NoticeKind, telling: Telling): Promise<boolean> => await notifyAll(tx.section, tx, kind, [telling]) === 1;

/** Events that share a transaction share the statement. */
const plans = new WeakMap<SectionTx, Draft[]>();

/**
 * A reaction that tells persons of an event; one cursor for all of them. `whom` is pure: whom to tell of what. What was told before is found at
 * the flush: its jobs find no message and end.
 */
export const tells = <E extends EventType>(type: E,
  whom: (event: { readonly id: string; readonly key: string; readonly at: Date; readonly data: EventData<E> }) =>
  readonly { readonly kind: NoticeKind; readonly telling: Telling }[]): Reaction<E> => on(type, 'notify', async (tx, event) => {
  const { section } = tx;
  for (const { kind, telling } of whom(event)) {
    const drafted = draft(section, tx, kind, telling);
    const plan = plans.get(section);
    if (plan) plan.push(drafted);
    else {
      const drafts = [drafted];
      plans.set(section, drafts);
      section.write(() => write(section, drafts));
    }
    follow(section, drafted);
  }
});
