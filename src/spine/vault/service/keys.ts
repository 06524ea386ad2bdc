import type { KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import {
  NotYet, provide, spineTransact, systemRandom, token, Unavailable, type CellContext, type Clock, type Provided, type SectionTx, type TenantRef, type Uuid,
} from '#kernel';
import { KEYS_FRESH_MS, SUBJECT_KEYS_CACHED_MAX, type Place, type Sealer, type SubjectKeys, type TenantKeys } from '../contract.ts';
import { Kek } from '../port.ts';
import { keyAt, parseSealed, SealBroken, sealer, secretKey, tenantKeys as makeTenantKeys, type Turn } from '../rules.ts';
import { addSubjectKeys, addTenantKey, subjectKeyRows, tenantKeyRows, type SubjectKeyRow, type TenantKeyRow } from '../store.ts';

/** A tenant's keys as this process holds them: what was read, and what was opened of it. */
interface Held { readonly ids: ReadonlySet<string>; readonly data: ReadonlyMap<string, KeyObject>; readonly keys: TenantKeys }
interface VaultState {
  readonly clock: Clock;
  readonly tenants: Map<Uuid, Held>;
  /** Ids of data keys that stand in the database and are not opened here yet, by tenant. */
  readonly unopened: Map<Uuid, ReadonlySet<string>>;
  readonly subjects: LRUCache<string, SubjectKeys>;
  /** Subjects whose key was made by a transaction that has not committed, or never will: theirs are not kept. */
  readonly uncommitted: LRUCache<string, true>;
}
export const VaultState = token<VaultState>('vault.state');
/** Keys opened in a process; a command that passes each person once keeps few. */
export const vaultState = (subjectsMax = SUBJECT_KEYS_CACHED_MAX): Provided => provide(VaultState, (cell): VaultState => ({
  clock: cell.clock, tenants: new Map(), unopened: new Map(),
  subjects: new LRUCache({ max: subjectsMax }), uncommitted: new LRUCache({ max: SUBJECT_KEYS_CACHED_MAX }),
}));

type Using = Pick<SectionTx, 'use' | 'tenant' | 'sql' | 'afterCommit'>;
type NewKey = Pick<TenantKeyRow, 'key_id' | 'purpose' | 'wrapped'>;
const KEY_BYTES = 32;
const contextOf = (tenant: Uuid, purpose: string): string => `${tenant} ${purpose}`;

/** A new key of a purpose, wrapped by the key service: outside any transaction, since it may be far away. */
export async function newTenantKey(cell: Pick<CellContext, 'use'>, tenant: Uuid, purpose: 'data' | 'index'): Promise<NewKey> {
  const kek = cell.use(Kek);
  return { key_id: `${kek.keyId}/${systemRandom.bytes(6).toString('hex')}`, purpose,
    wrapped: await kek.wrap(systemRandom.bytes(KEY_BYTES), contextOf(tenant, purpose)) };
}

const readKeys = (cell: CellContext, tenant: Uuid): Promise<TenantKeyRow[]> => spineTransact(cell, (tx) => tenantKeyRows(tx.sql, tenant));

/** Opens what is not open yet, and holds it. */
async function hold(cell: CellContext, tenant: Uuid, rows: readonly TenantKeyRow[]): Promise<void> {
  const state = cell.use(VaultState);
  const kek = cell.use(Kek);
  const before = state.tenants.get(tenant)?.data;
  const data = new Map<string, KeyObject>();
  const turns: Turn[] = [];
  let index: Buffer | undefined;
  for (const row of rows) {
    if (row.purpose === 'index') index = await kek.unwrap(row.wrapped, contextOf(tenant, row.purpose));
    else {
      data.set(row.key_id, before?.get(row.key_id) ?? secretKey(await kek.unwrap(row.wrapped, contextOf(tenant, row.purpose))));
      turns.push({ keyId: row.key_id, fromMs: row.seals_from?.getTime() ?? Number.NEGATIVE_INFINITY });
    }
  }
  if (!index || !turns.length) throw new Error('a tenant has data keys without an index key');
  const current = (): string => keyAt(turns, state.clock.now().getTime());
  const missing = (id: string): Error => (state.unopened.get(tenant)?.has(id) ? new NotYet('the key service has not opened this key yet', KEYS_FRESH_MS)
    : new SealBroken('key'));
  state.tenants.set(tenant, { ids: new Set(rows.map((row) => row.key_id)), data, keys: makeTenantKeys(tenant, current, data, index, missing) });
  state.unopened.delete(tenant);
}

/** Loads a tenant's keys into this process, making them on first use. Runs outside any transaction, since the key service may be far away. */
export async function loadTenantKeys(cell: CellContext, tenant: Pick<TenantRef, 'id'>): Promise<void> {
  if (cell.use(VaultState).tenants.has(tenant.id)) return;
  let rows = await readKeys(cell, tenant.id);
  if (!rows.length) {
    const fresh = await Promise.all((['data', 'index'] as const).map((purpose) => newTenantKey(cell, tenant.id, purpose)));
    rows = await spineTransact(cell, async (tx) => {
      for (const row of fresh) await addTenantKey(tx.sql, tenant.id, { ...row, generation: 1, seals_from: null }, tx.now);
      return tenantKeyRows(tx.sql, tenant.id);
    });
  }
  await hold(cell, tenant.id, rows);
}

/** Reads again which keys a tenant has whose keys are held here; those that are new are opened before they seal anywhere. */
export async function refreshKeysOf(cell: CellContext, tenant: Uuid): Promise<void> {
  const state = cell.use(VaultState);
  const ids = state.tenants.get(tenant)?.ids;
  const rows = await readKeys(cell, tenant);
  if (rows.length === ids?.size && rows.every((row) => ids.has(row.key_id))) return;
  // Until the key service has answered, a value under one of these is no broken one.
  state.unopened.set(tenant, new Set(rows.flatMap((row) => (ids?.has(row.key_id) ? [] : [row.key_id]))));
  await hold(cell, tenant, rows);
}

/** The same of every tenant whose keys are held here. One that fails holds up none of the others; rejects with what failed when all were tried. */
export async function refreshTenantKeys(cell: CellContext): Promise<void> {
  const failed: unknown[] = [];
  for (const tenant of cell.use(VaultState).tenants.keys()) await refreshKeysOf(cell, tenant).catch((error: unknown) => void failed.push(error));
  if (failed.length) throw failed.length === 1 ? failed[0] : new AggregateError(failed, `the keys of ${failed.length} tenants were not read`);
}

/** The keys of the transaction's tenant; they were loaded before it began. */
export function tenantKeys(tx: Pick<Using, 'use' | 'tenant'>): TenantKeys {
  const keys = tx.use(VaultState).tenants.get(tx.tenant.id)?.keys;
  if (!keys) throw new Unavailable('the tenant’s keys are not loaded');
  return keys;
}

export const subjectPlace = (subject: string): Place => ({ table: 'vault.subject_key', column: 'wrapped', row: subject });

function unwrapSubject(keys: TenantKeys, tenant: Uuid, row: SubjectKeyRow): SubjectKeys {
  const subject = row.subject as Uuid;
  const key = secretKey(Buffer.from(keys.open(subjectPlace(subject), row.wrapped), 'base64url'));
  return { tenant, subject, sealer: sealer(tenant, () => `sub:${subject}`, new Map([[`sub:${subject}`, key]])) };
}

/** A subject's keys as this process holds them. Subjects are told apart by their ids alone; those of another tenant are nobody's here. */
const heldKeys = ({ use, tenant }: Pick<Using, 'use' | 'tenant'>, subject: Uuid): SubjectKeys | undefined => {
  // Not moved by its use, which would cost as much as to find it: a key that makes room for 50,000 newer ones is read once more.
  const known = use(VaultState).subjects.peek(subject);
  return known?.tenant === tenant.id ? known : undefined;
};

/**
 * Sealers of these subjects; a subject without a key (never had one, or erased) is absent. One statement at most; always one
 * with `cached: false`, for work whose time must not tell who was here before.
 */
export async function subjectKeys(tx: Using, subjects: readonly Uuid[], options: { cached: boolean } = { cached: true }): Promise<ReadonlyMap<Uuid, Sealer>> {
  const state = tx.use(VaultState);
  const found = new Map<Uuid, Sealer>();
  const missing: Uuid[] = [];
  for (const subject of new Set(subjects)) {
    const known = options.cached ? heldKeys(tx, subject) : undefined;
    if (known) found.set(subject, known.sealer);
    else missing.push(subject);
  }
  if (!missing.length) return found;
  const keys = tenantKeys(tx);
  for (const row of await subjectKeyRows(tx.sql, missing)) {
    const known = unwrapSubject(keys, tx.tenant.id, row);
    if (!state.uncommitted.has(known.subject)) state.subjects.set(known.subject, known);
    found.set(known.subject, known.sealer);
  }
  return found;
}

/** Sealer of one subject as far as this process holds it; for work while the database is away. */
export const heldSubjectKey = (context: Pick<Using, 'use' | 'tenant'>, subject: Uuid): Sealer | undefined =>
  heldKeys(context, subject)?.sealer;

/** Gives each of these subjects a key where it has none. */
export async function makeSubjectKeys(tx: Using, subjects: readonly Uuid[]): Promise<ReadonlyMap<Uuid, Sealer>> {
  const keys = tenantKeys(tx);
  const wanted = [...new Set(subjects)].toSorted();
  const known = await subjectKeys(tx, wanted);
  const fresh = wanted.filter((s) => !known.has(s)).map((subject) => ({
    subject, wrapped: keys.seal(subjectPlace(subject), systemRandom.bytes(KEY_BYTES).toString('base64url')),
  }));
  if (!fresh.length) return known;
  const { uncommitted } = tx.use(VaultState);
  for (const { subject } of fresh) {
    // A key that was rolled back must not seal anything.
    uncommitted.set(subject, true);
    tx.afterCommit(() => void uncommitted.delete(subject));
  }
  const added = new Map((await addSubjectKeys(tx.sql, tx.tenant.id, fresh)).map((row) => [row.subject as Uuid, unwrapSubject(keys, tx.tenant.id, row).sealer]));
  const lost = fresh.filter((f) => !added.has(f.subject)).map((f) => f.subject);
  return new Map([...known, ...added, ...(lost.length ? await subjectKeys(tx, lost) : [])]);
}

/** The key id in a sealed value's head. */
export const keyIdOf = (sealed: string): string => parseSealed(sealed).keyId;
