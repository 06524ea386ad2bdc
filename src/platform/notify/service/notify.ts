import {
  channels, idOf, onMany, type Channel, type EventType, type Happened, type NoticeKind, type Origin, type Reaction, type SectionTx, type Tx, type Uuid,
} from '#kernel';
import { Noted, SendMessage } from '../contract.ts';
import { askedFor } from '../store/choices.ts';
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
  /** Told until this instant; for as long as its kind says, unless set. */
  readonly until?: Date | undefined;
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

/** What is plain from the beginning needs no job: the inbox, a channel that nobody asked for, and one that this office has nobody for. */
function firstState(tx: SectionTx, kind: NoticeKind, channel: Channel, asked: boolean): Pick<NewMessage, 'state' | 'reason'> {
  if (channel === 'inbox') return { state: 'waiting', reason: null };
  if (!kind.chosen.includes(channel) && !asked) return { state: 'suppressed', reason: 'not-wanted' };
  return tx.use(Pools)[channel].size > 0 ? { state: 'waiting', reason: null } : { state: 'suppressed', reason: 'no-provider' };
}

const nameOf = (person: string, kind: string, channel: string): string => `${person} ${kind} ${channel}`;

function draft(tx: SectionTx, { by, kind, telling }: Told, asked: ReadonlySet<string>): Draft {
  const { person } = telling;
  const id = tx.uuid();
  const base = { notice: id, person, kind: kind.name, lane: kind.lane };
  return {
    by, kind, telling,
    notice: {
      id, person, kind: kind.name, dedupe: telling.dedupe, data: JSON.stringify(telling.data), link: telling.link ?? null, campaign: telling.campaign ?? null,
      trace: by.trace, inbox: inboxOf(kind), expiresAt: telling.until ?? new Date(Math.max(tx.now.getTime(), telling.at?.getTime() ?? 0) + kind.lifeMs),
    },
    messages: channels.filter((c) => kind.offered.includes(c)).map((channel) => (
      { id: tx.uuid(), ...base, channel, ...firstState(tx, kind, channel, asked.has(nameOf(person, kind.name, channel))), not_before: channel === 'inbox'
        ? null : telling.at ?? null })),
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

interface Told { readonly by: Origin; readonly kind: NoticeKind; readonly telling: Telling }

/** Two statements, however many; resolves to how many were new. */
async function tellAll(tx: SectionTx, all: readonly Told[]): Promise<number> {
  if (!all.length) return 0;
  // What a kind offers without choosing it is told to those who asked for it.
  const open = all.filter((t) => t.kind.offered.some((c) => c !== 'inbox' && !t.kind.chosen.includes(c)));
  const asked = new Set(open.length ? (await askedFor(tx.sql, tx.tenant.id, [...new Set(open.map((t) => t.telling.person))],
    [...new Set(open.map((t) => t.kind.name))])).map((p) => nameOf(p.person, p.kind, p.channel)) : []);
  const drafts = all.map((t) => draft(tx, t, asked));
  const fresh = new Set(await insertNotices(tx.sql, tx.tenant.id, tx.now, drafts.map((d) => d.notice), drafts.flatMap((d) => d.messages)));
  for (const d of drafts) if (fresh.has(d.notice.id)) follow(tx, d);
  return fresh.size;
}

/** Tells persons of something, in the transaction that it happened in or follows from; resolves to how many were not told before. */
export const notifyAll = (tx: SectionTx, by: Origin, kind: NoticeKind, tellings: readonly Telling[]): Promise<number> =>
  tellAll(tx, tellings.map((telling) => ({ by, kind, telling })));

/** Tells one person, from a singular verb. False when they were told before. */
export const notify = async (tx: Tx, kind: NoticeKind, telling: Telling): Promise<boolean> => await notifyAll(tx.section, tx, kind, [telling]) === 1;

/** A reaction that tells persons of an event; one cursor for all of them, and many events at once. `whom` is pure: whom to tell of what. */
export const tells = <E extends EventType>(type: E, whom: (event: Happened<E>) => readonly { readonly kind: NoticeKind; readonly telling: Telling }[]):
  Reaction<E> => onMany(type, 'notify', async (tx, items) => void await tellAll(tx, items.flatMap((by) => whom(by.input).map((t) => ({ by, ...t })))));
