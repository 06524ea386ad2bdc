import { z } from 'zod';
import {
  defineModule, done, event, job, problem, refuse, route, stream, type AnyRoute, type Authenticator, type Item, type Module, type Outcome, type SectionTx, type Tx,
} from '#kernel';

/** A module of the tests: one table to change, one to leave traces in, and routes of every kind over them. */

export const ItemChanged = event('probe.item-changed', { version: 1, doc: 'An item of a test was changed.', data: { n: z.int() } });
/** One that has grown twice, and whose every version can still be told. */
export const ItemGrown = event('probe.item-grown', {
  version: 3, doc: 'An item of a test was counted.', data: { sum: z.string(), currency: z.string() },
  upcast: { 1: (d) => ({ sum: String(d.n) }), 2: (d) => ({ ...d, currency: 'INR' }) },
  downcast: {
    2: { since: '2027-01-10', example: { sum: '5' }, make: (d) => ({ n: Number(d.sum) }) },
    3: { since: '2027-02-01', example: { sum: '5', currency: 'INR' }, make: ({ sum }) => ({ sum }) },
  },
});
/** One whose first version nobody can tell any more. */
export const ItemShut = event('probe.item-shut', {
  version: 2, doc: 'An item of a test was closed.', data: { why: z.string() }, upcast: { 1: () => ({ why: 'unknown' }) },
  downcast: { 2: { since: '2027-01-10', example: { why: 'sold' } } },
});
export const Chore = job('probe.chore', { doc: 'A chore of a test.', data: { n: z.int() }, attemptsMax: 3 });
export const Errand = job('probe.errand', { doc: 'A call of a test to the outside.', data: { n: z.int() }, attemptsMax: 20 });
export const tooBig = problem('too-big', { status: 409, title: 'The sum is too big.', doc: 'Add less at once.' });
export const slowDown = problem('slow-down', { status: 429, title: 'Slower, please.', doc: 'Wait a moment.' });

/** Adds to an item, making it where it is missing; resolves to its new value. */
export async function add(tx: Pick<SectionTx, 'sql' | 'tenant'>, key: string, n: number | bigint): Promise<bigint> {
  const [row] = await tx.sql<{ n: bigint }>`
    insert into probe.item (tenant, key, n) values (${tx.tenant.id}, ${key}, ${n}) on conflict (tenant, key) do update set n = probe.item.n + excluded.n returning n`;
  return (row as { n: bigint }).n;
}

/** Leaves a trace of an effect. */
export const leave = (tx: Pick<SectionTx, 'sql' | 'tenant'>, e: { subscriber: string; event: string; key: string; n: number | bigint; trace?: string }): Promise<unknown[]> => tx.sql`
  insert into probe.effect (tenant, subscriber, event, key, n, trace) values (${tx.tenant.id}, ${e.subscriber}, ${e.event}, ${e.key}, ${e.n}, ${e.trace ?? null})`;

const zAdd = z.strictObject({ body: z.strictObject({ key: z.string().min(1).max(40), n: z.int(), fault: z.enum(['none', 'refuse', 'slow', 'throw', 'full']).default('none'), note: z.string().max(200).optional() }) });
const zSum = z.strictObject({ n: z.int() });
type Add = z.output<typeof zAdd>;

/** One statement reads, one writes, whatever the number of items. */
async function addMany(tx: SectionTx, items: readonly Item<Add>[]): Promise<Outcome<{ n: number }>[]> {
  const keys = [...new Set(items.map((i) => i.input.body.key))].toSorted();
  const rows = await tx.sql<{ key: string; n: bigint }>`select key, n from probe.item where key = any(${keys}::text[]) order by key for update`;
  const sums = new Map(rows.map((r) => [r.key, Number(r.n)]));
  const outcomes = items.map((item): Outcome<{ n: number }> => {
    const { key, n, fault } = item.input.body;
    if (fault === 'throw') throw new Error('a poisoned item');
    if (fault === 'refuse') return refuse(tooBig, { detail: 'as asked' });
    if (fault === 'slow') return refuse(slowDown, { retryAfterSeconds: 2 });
    const sum = (sums.get(key) ?? 0) + n;
    sums.set(key, sum);
    tx.audit(item, { action: 'probe.added', result: 'done', resource: key });
    tx.emit(item, ItemChanged, key, { n: sum });
    return done({ n: sum });
  });
  await tx.sql`insert into probe.item (tenant, key, n) select ${tx.tenant.id}, k, n from unnest(${[...sums.keys()]}::text[], ${[...sums.values()]}::bigint[]) r (k, n)
    on conflict (tenant, key) do update set n = excluded.n`;
  return outcomes;
}

async function addOne(tx: Tx, input: Add): Promise<Outcome<{ n: number }>> {
  const { key, n, fault } = input.body;
  if (fault === 'slow') return refuse(slowDown, { retryAfterSeconds: 2 });
  const sum = await add(tx, key, n);
  tx.audit({ action: 'probe.added', result: fault === 'refuse' ? 'refused' : 'done', resource: key });
  tx.emit(ItemChanged, key, { n: Number(sum) });
  if (fault === 'throw') throw new Error('a poisoned item');
  if (fault === 'full') await tx.sql`do $$ begin raise exception using errcode = 'disk_full', message = 'could not extend file'; end $$`;
  return fault === 'refuse' ? refuse(tooBig, { detail: 'as asked' }) : done({ n: Number(sum) });
}

const common = { input: zAdd, output: zSum, problems: [tooBig, slowDown], example: { input: { body: { key: 'a', n: 1 } } } } as const;
export const probeRoutes: readonly AnyRoute[] = [
  route('POST /probe/many', { ...common, summary: 'Adds, many at once.', scope: 'public', idempotent: 'optional', plural: addMany }),
  route('POST /probe/one', { ...common, summary: 'Adds, one at a time.', scope: 'public', idempotent: 'optional', verb: addOne }),
  route('POST /probe/required', { ...common, summary: 'Adds with a key.', scope: 'public', idempotent: 'required', verb: addOne }),
  route('POST /probe/mine', { ...common, summary: 'Adds as a person.', scope: 'person', idempotent: 'optional', verb: addOne }),
  route('POST /probe/fed', { ...common, summary: 'Adds as a machine.', scope: 'probe:feed', verb: addOne }),
];

/** Believes a header that says which permissions a machine has; the tests' own. */
export const machineByHeader: Authenticator = {
  name: 'probe.machine',
  authenticate: (_, { headers }) => (typeof headers['x-probe-machine'] === 'string'
    ? { actor: { kind: 'machine', id: 'a'.repeat(32) as never, permissions: headers['x-probe-machine'].split(',') }, bySecret: 'header' } : undefined),
};

export const probe = (more: Partial<Module> = {}): Module => defineModule({
  name: 'products/probe', doc: 'A module of the tests.', needs: [], migrations: new URL('./probe/', import.meta.url),
  tables: {
    'probe.item': { app: ['select', 'insert', 'update', 'delete'], auditor: ['select'] }, 'probe.effect': { app: ['select', 'insert'], auditor: ['select'] },
  },
  streams: [stream('GET /probe/changes', { scope: 'person', topics: (actor) => ('id' in actor ? [`person ${actor.id}`] : []) })],
  problems: [tooBig, slowDown], events: [ItemChanged, ItemGrown, ItemShut], routes: probeRoutes, authenticators: [machineByHeader], ...more,
});
