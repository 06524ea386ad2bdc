import pg from 'pg';
import { auditorRead, uuid, type SqlTag, type TenantRef, type Uuid } from '#kernel';
import type { Cell } from '../runtime.ts';

/** What the tour shows of the spine: real rows, read by the `auditor` database role of one tenant. */
export interface EventSeen { readonly pos: bigint; readonly topic: string; readonly key: string; readonly trace: string }
export interface FactSeen {
  readonly id: string; readonly at: Date; readonly who: string; readonly action: string; readonly result: string; readonly trace: string;
    readonly pos: bigint | null;
}
export interface Seen { readonly events: readonly EventSeen[]; readonly facts: readonly FactSeen[]; readonly signIn: readonly FactSeen[];
  readonly views: Views }
/** Audited views of a refund since this program began: all, and those that were first kept on the local disk. */
export interface Views { readonly audited: number; readonly spooled: number }

const SHOWN_MAX = 6;

const events = (sql: SqlTag): Promise<EventSeen[]> => sql<EventSeen>`select pos, topic, key, trace from events.log order by pos desc limit ${SHOWN_MAX}`;

const facts = (sql: SqlTag): Promise<FactSeen[]> => sql<FactSeen>`
  select f.id::text, f.at, f.actor_kind as who, f.action, f.result, f.trace, audit.place(f.seq) as pos
  from ((select * from audit.fact order by seq desc limit ${SHOWN_MAX}) union all
    (select u.* from (select * from audit.sheet order by seq desc limit ${SHOWN_MAX}) s cross join lateral audit.unpack(s.seq, s.tenant, s.at, s.facts) u)) f
  order by f.seq desc limit ${SHOWN_MAX}`;

/** The two facts of a person's last sign-in: the code was asked for, the code was accepted. */
const signIn = (sql: SqlTag, person: Uuid): Promise<FactSeen[]> => sql<FactSeen>`
  select f.id::text, f.at, f.actor_kind as who, f.action, f.result, f.trace, audit.place(f.seq) as pos
  from (select * from audit.fact a where a.subject = ${person} union all
    select u.* from audit.sheet s cross join lateral audit.unpack(s.seq, s.tenant, s.at, s.facts) u
    where strpos(s.facts, ${person}) > 0 and u.subject = ${person}) f
  where f.action in ('identity.start', 'identity.code') order by f.seq desc limit 2`;

const views = async (sql: SqlTag, after: bigint): Promise<Views> => {
  const [row] = await sql<{ audited: bigint; spooled: bigint }>`
    select count(*) as audited, count(*) filter (where detail like '%"degraded":true%') as spooled
    from (select * from audit.fact where seq > ${after} union all
      select u.* from audit.sheet s cross join lateral audit.unpack(s.seq, s.tenant, s.at, s.facts) u where s.seq > ${after}) f
    where action = 'taxrefund.viewed' and result = 'done'`;
  return { audited: Number(row?.audited ?? 0), spooled: Number(row?.spooled ?? 0) };
};

export const readSeen = (cell: Cell, tenant: TenantRef, o: { person: Uuid | undefined; after: bigint }): Promise<Seen> =>
  auditorRead(cell, tenant.id, async ({ sql }) => ({
  events: await events(sql), facts: await facts(sql), signIn: o.person ? (await signIn(sql, o.person)).toReversed() : [], views: await views(sql, o.after),
}));

/** Number of the newest fact of any tenant of the cell. */
export const newestFact = async (cell: Cell, tenant: TenantRef): Promise<bigint> =>
  auditorRead(cell, tenant.id, async ({ sql }) => (await sql<{ seq: bigint }>`
    select greatest((select max(seq) from audit.fact), (select max(seq) from audit.sheet), 0) as seq`)[0]?.seq ?? 0n);

/** The newest event of a person's return of a year, with the fact that recorded it. */
export interface LastEvent {
  readonly refund: string; readonly code: string; readonly source: string; readonly sourceEventId: string; readonly sourceVersion: number;
    readonly occurredAt: Date; readonly receivedAt: Date;
  readonly fact: string; readonly pos: bigint | null; readonly trace: string; readonly sha256: string;
}
export const lastEvent = (cell: Cell, tenant: TenantRef, person: Uuid, year: number): Promise<LastEvent | undefined> =>
  auditorRead(cell, tenant.id, async ({ sql }) => (await sql<LastEvent>`
  select replace(r.id::text, '-', '') as refund, e.code, e.source, e.source_event_id as "sourceEventId", e.source_version as "sourceVersion",
    e.occurred_at as "occurredAt",
    e.received_at as "receivedAt", f.id::text as fact, audit.place(f.seq) as pos, f.trace, f.detail::json ->> 'sha256' as sha256
  from taxrefund.refund r join taxrefund.event e on e.refund = r.id
  cross join lateral (select * from audit.fact a where a.subject = r.person union all
    select u.* from audit.sheet s cross join lateral audit.unpack(s.seq, s.tenant, s.at, s.facts) u
    where strpos(s.facts, replace(e.id::text, '-', '')) > 0 and u.subject = r.person) f
  where r.person = ${person} and r.year = ${year} and r.return_no = 1
    and f.action = 'taxrefund.event-appended' and f.detail::json ->> 'event' = replace(e.id::text, '-', '')
  order by e.occurred_at desc, e.received_at desc limit 1`)[0]);

/** The code that a person's newest return of a year stands at. */
export const codeOf = (cell: Cell, tenant: TenantRef, person: Uuid, year: number): Promise<string | undefined> =>
  auditorRead(cell, tenant.id, async ({ sql }) =>
  (await sql<{ code: string }>`select code from taxrefund.refund where person = ${person} and year = ${year} order by return_no desc limit 1`)[0]?.code);

/** Where one event went: the notice, its messages, and the webhook; all by the request's trace. */
export interface Spread {
  readonly pos: bigint; readonly event: string; readonly notice: string | null;
  readonly messages: readonly { readonly channel: string; readonly state: string; readonly reason: string | null; readonly provider: string | null }[];
  readonly hook: { readonly status: string; readonly attempts: number; readonly message: string } | null;
}
export const spreadOf = (cell: Cell, tenant: TenantRef, trace: string): Promise<Spread | undefined> => auditorRead(cell, tenant.id, async ({ sql }) => {
  const [event] = await sql<{ pos: bigint; id: string }>`
    select pos, id::text from events.log where trace = ${trace} and topic = 'taxrefund.news' order by pos desc limit 1`;
  if (!event) return undefined;
  const messages = await sql<{ notice: string; channel: string; state: string; reason: string | null; provider: string | null }>`
    select m.notice::text, m.channel, m.state, m.reason, m.provider from notify.message m join notify.notice n on n.tenant = m.tenant and n.id = m.notice
    where n.trace = ${trace} order by m.id`;
  const [hook] = await sql<{ status: string; attempts: number; message: string }>`
    select status, attempts::int, message::text from webhooks.delivery where message = ${event.id} order by id desc limit 1`;
  return { pos: event.pos, event: event.id, notice: messages[0]?.notice ?? null, messages, hook: hook ?? null };
});

/** A fact that was changed behind the program's back, and what stood there. */
export interface Tampered { readonly fact: string; readonly pos: string; readonly was: string; readonly is: string }

async function asSuperuser<T>(connection: pg.ClientConfig, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** Writes another person over who did something: with the trigger off, as only a superuser can. */
async function writeActor(client: pg.Client, fact: string, actor: string): Promise<void> {
  await client.query('begin');
  await client.query('alter table audit.fact disable trigger fact_is_final');
  await client.query('update audit.fact set actor = $2 where id = $1', [fact, actor]);
  await client.query('alter table audit.fact enable trigger fact_is_final');
  await client.query('commit');
}

/** Changes the newest view of a person's refund that has a row of its own and its place in the chain; undefined when there is none yet. */
export const tamper = (connection: pg.ClientConfig, tenant: TenantRef, person: Uuid, other: Uuid): Promise<Tampered | undefined> =>
  asSuperuser(connection, async (client) => {
  const { rows } = await client.query<{ fact: string; pos: string; was: string }>(`select f.id::text as fact,
      audit.place(f.seq)::text as pos, f.actor::text as was
    from audit.fact f where audit.place(f.seq) is not null and f.tenant = $1 and f.subject = $2 and f.action = 'taxrefund.viewed' and f.actor = $2
    order by f.seq desc limit 1`, [tenant.id, person]);
  const [row] = rows;
  if (!row) return undefined;
  await writeActor(client, row.fact, other);
  return { ...row, was: uuid(row.was), is: other };
});

export const restore = (connection: pg.ClientConfig, row: Tampered): Promise<void> =>
  asSuperuser(connection, (client) => writeActor(client, row.fact, row.was));

/** A payment with its posting, the fact that recorded it, and both balances after it, in minor units. */
export interface Followed {
  readonly payment: string; readonly transfer: string; readonly amount: bigint; readonly currency: string; readonly payerBalance: bigint;
  readonly payeeBalance: bigint; readonly fact: string; readonly pos: bigint | null; readonly who: string; readonly sha256: string; readonly events: bigint;
}
export const followPayment = (cell: Cell, tenant: TenantRef, payment: Uuid): Promise<Followed | undefined> =>
  auditorRead(cell, tenant.id, async ({ sql }) => (await sql<Followed>`
  select replace(p.id::text, '-', '') as payment, replace(t.id::text, '-', '') as transfer, t.amount, p.currency, t.debit_balance as "payerBalance",
    t.credit_balance as "payeeBalance", f.id::text as fact, audit.place(f.seq) as pos, f.actor_kind as who, f.detail::json ->> 'sha256' as sha256,
    (select count(*) from events.log e where e.trace = f.trace) as events
  from wallet.payment p join ledger.transfer t on t.id = p.transfer
  cross join lateral (select * from audit.fact a where a.trace = replace(t.trace::text, '-', '') union all
    select u.* from audit.sheet s cross join lateral audit.unpack(s.seq, s.tenant, s.at, s.facts) u
    where strpos(s.facts, replace(t.trace::text, '-', '')) > 0 and u.trace = replace(t.trace::text, '-', '')) f
  where p.id = ${payment} and f.action = 'ledger.posted' limit 1`)[0]);

export interface PostingSeen { readonly id: string; readonly amount: bigint; readonly currency: string; readonly trace: string }
/** The newest postings of a tenant. */
export const readPostings = (cell: Cell, tenant: TenantRef): Promise<PostingSeen[]> =>
  auditorRead(cell, tenant.id, ({ sql }) => sql<PostingSeen>`
  select replace(t.id::text, '-', '') as id, t.amount, a.currency, replace(t.trace::text, '-', '') as trace
  from ledger.transfer t join ledger.account a on a.no = t.debit where t.result = 0 order by t.at_us desc limit ${SHOWN_MAX}`);
