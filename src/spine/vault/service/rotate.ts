import {
  done, errorFields, handle, perform, provide, refuse, token, type CellContext, type Clock, type JobHandler, type Origin, type Outcome, type Provided,
  type TenantRef, type Tx, type Worker,
} from '#kernel';
import {
  KEY_DAYS, KEYS_FRESH_MS, RESEAL_BATCH_MAX, ResealSubjects, ROTATION_EVERY_MS, rotationUnderWay, SEALS_AFTER_MS,
} from '../contract.ts';
import { parseSealed } from '../rules.ts';
import { addTenantKey, resealSubjectKeys, subjectKeysAfter, subjectsByKey, tenantKeyRows, type TenantKeyRow } from '../store.ts';
import { newTenantKey, refreshKeysOf, subjectPlace, tenantKeys } from './keys.ts';

/** How many days a data key seals. */
export const KeyDays = token<number>('vault.key-days');
export const keyDaysState: Provided = provide(KeyDays, () => KEY_DAYS);

const DAY_MS = 86_400_000;
const FIRST = '0'.repeat(32);
const ORIGIN: Origin = { actor: { kind: 'system', name: 'vault.rotation' }, trace: '0'.repeat(32) };

export interface NextKey { readonly keyId: string; readonly sealsFrom: Date }
const beginsAt = (row: TenantKeyRow): Date => row.seals_from ?? row.created_at;
/** The data key that was made last. */
const newest = (rows: readonly TenantKeyRow[]): TenantKeyRow | undefined => rows.findLast((row) => row.purpose === 'data');

/**
 * Makes the tenant's next data key. It seals some minutes later, when every process has read it, and the ones before it go on to open what they sealed.
 * Then the keys of all persons are sealed anew by it. `now` is the process's own time, as the sealing's is: a demo may move a tenant's days.
 */
export async function rotateTenantKey(cell: CellContext, tenant: TenantRef, by: Origin, { now: clockNow }: Pick<Clock, 'now'>): Promise<Outcome<NextKey>> {
  const fresh = await newTenantKey(cell, tenant.id, 'data');
  const now = clockNow();
  const sealsFrom = new Date(now.getTime() + SEALS_AFTER_MS);
  const made = await perform(cell, tenant, by, async (tx): Promise<Outcome<NextKey>> => {
    const last = newest(await tenantKeyRows(tx.sql, tenant.id));
    const next = { ...fresh, generation: (last?.generation ?? 0) + 1, seals_from: sealsFrom };
    if (!last || beginsAt(last) > now || !(await addTenantKey(tx.sql, tenant.id, next, now)).length) {
      tx.audit({ action: 'vault.key-rotated', result: 'refused', problem: rotationUnderWay.code });
      return refuse(rotationUnderWay);
    }
    tx.audit({ action: 'vault.key-rotated', result: 'done', detail: { key: fresh.key_id, generation: next.generation, sealsFrom: sealsFrom.toISOString() } });
    tx.later(ResealSubjects, { after: FIRST, moved: 0 }, { runAt: new Date(tx.now.getTime() + SEALS_AFTER_MS + KEYS_FRESH_MS) });
    return done({ keyId: fresh.key_id, sealsFrom });
  });
  if (made.ok) await refreshKeysOf(cell, tenant.id);
  return made;
}

/** Seals the next persons' keys anew where an older data key sealed them, and goes on behind them. What a person's own key sealed stays as it is. */
async function reseal(tx: Tx, after: string, moved: number): Promise<void> {
  const keys = tenantKeys(tx);
  const current = keys.current();
  const page = await subjectKeysAfter(tx.sql, tx.tenant.id, after, RESEAL_BATCH_MAX);
  const old = page.filter((row) => parseSealed(row.wrapped).keyId !== current).map((row) => {
    const place = subjectPlace(row.subject);
    return { subject: row.subject, was: row.wrapped, wrapped: keys.seal(place, keys.open(place, row.wrapped)) };
  });
  const now = moved + (old.length ? (await resealSubjectKeys(tx.sql, tx.tenant.id, old)).length : 0);
  const last = page.at(-1);
  if (page.length === RESEAL_BATCH_MAX && last) tx.later(ResealSubjects, { after: last.subject, moved: now });
  else tx.audit({ action: 'vault.subjects-resealed', result: 'done', detail: { key: current, subjects: now } });
}
export const resealSubjects: JobHandler = handle(ResealSubjects, (tx, data) => reseal(tx, data.after, data.moved));

export interface ListedKey { readonly keyId: string; readonly generation: number; readonly madeAt: Date; readonly sealsFrom: Date;
  readonly state: 'next' | 'current' | 'old'; readonly subjects: bigint }
/** A tenant's data keys, the oldest first, and how many persons' keys each seals. */
export async function listTenantKeys(tx: Tx): Promise<ListedKey[]> {
  const current = tenantKeys(tx).current();
  const rows = (await tenantKeyRows(tx.sql, tx.tenant.id)).filter((row) => row.purpose === 'data');
  const sealed = new Map((await subjectsByKey(tx.sql, tx.tenant.id)).map((row) => [row.key_id, row.subjects]));
  tx.audit({ action: 'vault.keys-listed', result: 'done', detail: { keys: rows.length } });
  const at = rows.findIndex((row) => row.key_id === current);
  return rows.map((row, i) => ({ keyId: row.key_id, generation: row.generation, madeAt: row.created_at, sealsFrom: beginsAt(row),
    state: i === at ? 'current' : i < at ? 'old' : 'next', subjects: sealed.get(row.key_id) ?? 0n }));
}

/** Gives each tenant its next data key when the present one has sealed for long enough; of several processes one does. */
export const rotation: Worker = {
  name: 'vault.rotation', role: 'worker',
  async run(w) {
    while (!w.signal.aborted) {
      const oldest = w.clock.now().getTime() - w.cell.use(KeyDays) * DAY_MS;
      for (const tenant of w.tenants()) {
        try {
          const last = newest(await perform(w.cell, tenant, ORIGIN, (tx) => tenantKeyRows(tx.sql, tenant.id)));
          if (last && beginsAt(last).getTime() < oldest) await rotateTenantKey(w.cell, tenant, ORIGIN, w.clock);
        } catch (error) {
          // The key service may be away for a while: the key before goes on to seal until then.
          w.log.warn('vault.not-rotated', { tenant: tenant.slug, ...errorFields(error) });
        }
      }
      await w.clock.sleep(ROTATION_EVERY_MS, w.signal);
    }
  },
};
