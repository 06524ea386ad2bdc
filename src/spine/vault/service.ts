import type { KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { provide, spineTransact, systemRandom, token, Unavailable, type CellContext, type Provided, type SectionTx, type TenantRef, type Uuid } from '#kernel';
import { SUBJECT_KEYS_CACHED_MAX, type Sealer, type SubjectKeys, type TenantKeys } from './contract.ts';
import { Kek } from './port.ts';
import { parseSealed, sealer, secretKey, tenantKeys as makeTenantKeys } from './rules.ts';
import { addSubjectKeys, addTenantKey, subjectKeyRows, tenantKeyRows, type SubjectKeyRow } from './store.ts';

interface VaultState {
  readonly tenants: Map<Uuid, TenantKeys>;
  readonly subjects: LRUCache<string, SubjectKeys>;
  /** Subjects whose key was made by a transaction that has not committed, or never will: theirs are not kept. */
  readonly uncommitted: LRUCache<string, true>;
}
export const VaultState = token<VaultState>('vault.state');
/** Keys opened in a process; a command that passes each person once keeps few. */
export const vaultState = (subjectsMax = SUBJECT_KEYS_CACHED_MAX): Provided => provide(VaultState, (): VaultState => ({
  tenants: new Map(), subjects: new LRUCache({ max: subjectsMax }), uncommitted: new LRUCache({ max: SUBJECT_KEYS_CACHED_MAX }),
}));

type Using = Pick<SectionTx, 'use' | 'tenant' | 'sql' | 'afterCommit'>;
const KEY_BYTES = 32;
const contextOf = (tenant: Uuid, purpose: string): string => `${tenant} ${purpose}`;

/** Loads a tenant's keys into this process, making them on first use. Runs outside any transaction, since the key service may be far away. */
export async function loadTenantKeys(cell: CellContext, tenant: TenantRef): Promise<void> {
  const state = cell.use(VaultState);
  if (state.tenants.has(tenant.id)) return;
  const kek = cell.use(Kek);
  let rows = await spineTransact(cell, (tx) => tenantKeyRows(tx.sql, tenant.id));
  if (!rows.length) {
    const fresh = await Promise.all((['data', 'index'] as const).map(async (purpose) => ({
      key_id: `${kek.keyId}/${systemRandom.bytes(6).toString('hex')}`, purpose, state: 'current' as const,
      wrapped: await kek.wrap(systemRandom.bytes(KEY_BYTES), contextOf(tenant.id, purpose)),
    })));
    rows = await spineTransact(cell, async (tx) => {
      for (const row of fresh) await addTenantKey(tx.sql, tenant.id, row, tx.now);
      return tenantKeyRows(tx.sql, tenant.id);
    });
  }
  const data = new Map<string, KeyObject>();
  let current = '';
  let index: Buffer | undefined;
  for (const row of rows) {
    const key = await kek.unwrap(row.wrapped, contextOf(tenant.id, row.purpose));
    if (row.purpose === 'index') index = key;
    else {
      data.set(row.key_id, secretKey(key));
      if (row.state === 'current') current = row.key_id;
    }
  }
  if (!index || !current) throw new Error('a tenant has data keys without an index key');
  state.tenants.set(tenant.id, makeTenantKeys(tenant.id, current, data, index));
}

/** The keys of the transaction's tenant; they were loaded before it began. */
export function tenantKeys(tx: Pick<Using, 'use' | 'tenant'>): TenantKeys {
  const keys = tx.use(VaultState).tenants.get(tx.tenant.id);
  if (!keys) throw new Unavailable('the tenant’s keys are not loaded');
  return keys;
}

const placeOf = (subject: Uuid): { table: string; column: string; row: string } => ({ table: 'vault.subject_key', column: 'wrapped', row: subject });

function unwrapSubject(keys: TenantKeys, tenant: Uuid, row: SubjectKeyRow): SubjectKeys {
  const subject = row.subject as Uuid;
  const key = secretKey(Buffer.from(keys.open(placeOf(subject), row.wrapped), 'base64url'));
  return { subject, sealer: sealer(tenant, `sub:${subject}`, new Map([[`sub:${subject}`, key]])) };
}

const cacheName = (tenant: Uuid, subject: Uuid): string => `${tenant}${subject}`;

/**
 * Sealers of these subjects; a subject without a key (never had one, or erased) is absent. One statement at most; always one
 * with `cached: false`, for work whose time must not tell who was here before.
 */
export async function subjectKeys(tx: Using, subjects: readonly Uuid[], options: { cached: boolean } = { cached: true }): Promise<ReadonlyMap<Uuid, Sealer>> {
  const state = tx.use(VaultState);
  const found = new Map<Uuid, Sealer>();
  const missing: Uuid[] = [];
  for (const subject of new Set(subjects)) {
    const known = options.cached ? state.subjects.get(cacheName(tx.tenant.id, subject)) : undefined;
    if (known) found.set(subject, known.sealer);
    else missing.push(subject);
  }
  if (!missing.length) return found;
  const keys = tenantKeys(tx);
  for (const row of await subjectKeyRows(tx.sql, missing)) {
    const known = unwrapSubject(keys, tx.tenant.id, row);
    const name = cacheName(tx.tenant.id, known.subject);
    if (!state.uncommitted.has(name)) state.subjects.set(name, known);
    found.set(known.subject, known.sealer);
  }
  return found;
}

/** Sealer of one subject as far as this process holds it; for work while the database is away. */
export const heldSubjectKey = (context: Pick<Using, 'use' | 'tenant'>, subject: Uuid): Sealer | undefined =>
  context.use(VaultState).subjects.get(cacheName(context.tenant.id, subject))?.sealer;

/** Gives each of these subjects a key where it has none. */
export async function makeSubjectKeys(tx: Using, subjects: readonly Uuid[]): Promise<ReadonlyMap<Uuid, Sealer>> {
  const keys = tenantKeys(tx);
  const wanted = [...new Set(subjects)].toSorted();
  const known = await subjectKeys(tx, wanted);
  const fresh = wanted.filter((s) => !known.has(s)).map((subject) => ({
    subject, wrapped: keys.seal(placeOf(subject), systemRandom.bytes(KEY_BYTES).toString('base64url')),
  }));
  if (!fresh.length) return known;
  const { uncommitted } = tx.use(VaultState);
  for (const { subject } of fresh) {
    const name = cacheName(tx.tenant.id, subject);
    // A key that was rolled back must not seal anything.
    uncommitted.set(name, true);
    tx.afterCommit(() => void uncommitted.delete(name));
  }
  const added = new Map((await addSubjectKeys(tx.sql, tx.tenant.id, fresh)).map((row) => [row.subject as Uuid, unwrapSubject(keys, tx.tenant.id, row).sealer]));
  const lost = fresh.filter((f) => !added.has(f.subject)).map((f) => f.subject);
  return new Map([...known, ...added, ...(lost.length ? await subjectKeys(tx, lost) : [])]);
}

/** The key id in a sealed value's head. */
export const keyIdOf = (sealed: string): string => parseSealed(sealed).keyId;
