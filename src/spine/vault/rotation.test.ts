import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { auditorRead, NotYet, provide, systemClock, systemRandom, Unavailable, type Clock, type TenantRef, type Uuid, type WorkerContext } from '#kernel';
import { house, somebody, type House } from '#test';
import { KEY_DAYS, SEALS_AFTER_MS } from './contract.ts';
import {
  keyIdOf, listTenantKeys, loadTenantKeys, makeSubjectKeys, refreshTenantKeys, rotateTenantKey, SealBroken, subjectKeys, tenantKeys, type ListedKey,
} from './index.ts';
import { Kek } from './port.ts';
import { rotation } from './service/rotate.ts';
import { keysCheck } from './service/verify.ts';

/** The processes' own clock, which the test moves; the database's stays. */
let ahead = 0;
const clock: Clock = { ...systemClock, now: () => new Date(systemClock.now().getTime() + ahead) };
const DAY_MS = 86_400_000;
const place = { table: 'x.person', column: 'profile', row: 'r1' };
const BY = { actor: { kind: 'operator', id: 'f'.repeat(32) as Uuid, permissions: [] }, trace: 'a'.repeat(32) } as const;

let h: House;
beforeAll(async () => { h = await house({ clock, limits: false }); });
afterEach(() => { ahead = 0; });
afterAll(() => h.stop());

const su = <R extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<R[]> => h.sql('IN', 'superuser')<R>(text, values);
const subject = (): Uuid => systemRandom.bytes(16).toString('hex') as Uuid;
const sealedIn = (cell: ReturnType<House['cell']>, slug: string): string =>
  tenantKeys({ use: cell.use, tenant: h.tenant(slug) }).seal(place, 'x');
const openedIn = (cell: ReturnType<House['cell']>, slug: string, sealed: string): string =>
  tenantKeys({ use: cell.use, tenant: h.tenant(slug) }).open(place, sealed);
const keys = (slug: string): Promise<ListedKey[]> => h.perform(slug, (tx) => listTenantKeys(tx));
const rotate = async (slug: string): Promise<string> => {
  const made = await rotateTenantKey(h.cell(), h.tenant(slug), BY, clock);
  if (!made.ok) throw new Error(made.problem.code);
  return made.value.keyId;
};
/** Seals the keys of persons anew, as the job would once its time has come. */
const reseal = async (): Promise<void> => {
  await su("update jobs.job set run_at = created_at where name = 'vault.reseal-subjects'");
  await h.runJobs();
};
const wrapped = async (slug: string): Promise<string[]> =>
  (await su<{ wrapped: string }>('select wrapped from vault.subject_key where tenant = $1', [h.tenant(slug).id])).map((r) => keyIdOf(r.wrapped));

describe('the next data key', () => {
  it('seals when every process has it, and the one before goes on to open', async () => {
    const other = h.anotherCell();
    await loadTenantKeys(other, h.tenant('india'));
    const before = sealedIn(h.cell(), 'india');
    const next = await rotate('india');
    expect(keyIdOf(sealedIn(h.cell(), 'india'))).toBe(keyIdOf(before));
    expect((await keys('india')).map((k) => k.state)).toEqual(['current', 'next']);
    // The other process has read nothing yet, and need not: nothing is sealed by what it cannot open.
    await refreshTenantKeys(other);
    ahead = SEALS_AFTER_MS + 1;
    const after = sealedIn(h.cell(), 'india');
    expect(keyIdOf(after)).toBe(next);
    for (const cell of [h.cell(), other]) for (const sealed of [before, after]) expect(openedIn(cell, 'india', sealed)).toBe('x');
    expect(keyIdOf(sealedIn(other, 'india'))).toBe(next);
    expect((await keys('india')).map((k) => k.state)).toEqual(['old', 'current']);
    // A process that begins later has all of them.
    const late = h.anotherCell();
    await loadTenantKeys(late, h.tenant('india'));
    for (const sealed of [before, after]) expect(openedIn(late, 'india', sealed)).toBe('x');
  });
  it('is one, whoever asks at once, and no other is made before it seals', async () => {
    const cells = [h.cell(), ...Array.from({ length: 3 }, () => h.anotherCell())];
    for (const cell of cells) await loadTenantKeys(cell, h.tenant('other'));
    const made = await Promise.all(cells.map((cell) => rotateTenantKey(cell, h.tenant('other'), BY, clock)));
    expect(made.filter((m) => m.ok)).toHaveLength(1);
    expect(made.flatMap((m) => (m.ok ? [] : m.problem.code))).toEqual(Array(3).fill('rotation-under-way'));
    expect(await keys('other')).toHaveLength(2);
    await expect(rotate('other')).rejects.toThrow('rotation-under-way');
    const facts = await auditorRead(h.cell(), h.tenant('other').id, ({ sql }) => sql<{ result: string; trace: string }>`
      select result, trace from audit.entry where action = 'vault.key-rotated' order by result`);
    expect(facts).toEqual([{ result: 'done', trace: BY.trace }, ...Array(4).fill({ result: 'refused', trace: BY.trace })]);
  });
  it('is read by every process also where another tenant’s cannot be opened, which is said', async () => {
    const cell = h.anotherCell();
    for (const slug of ['india', 'other']) await loadTenantKeys(cell, h.tenant(slug));
    await su(`insert into vault.tenant_key (tenant, key_id, purpose, wrapped, state, created_at, generation, seals_from)
      select tenant, 'file:broken/1', purpose, 'nonsense', state, created_at, 99, $2 from vault.tenant_key
      where tenant = $1 and purpose = 'data' and generation = 1`,
    [h.tenant('india').id, clock.now()]);
    ahead = SEALS_AFTER_MS + 1;
    const next = await rotate('other');
    await expect(refreshTenantKeys(cell)).rejects.toThrow();
    ahead = 2 * SEALS_AFTER_MS + 2;
    expect(keyIdOf(sealedIn(cell, 'other'))).toBe(next);
    expect(keyIdOf(sealedIn(cell, 'india'))).not.toContain('broken');
    await su("delete from vault.tenant_key where key_id = 'file:broken/1'");
  });
  it('is the tenant’s own, and the hashes for search stay as they are', async () => {
    const hash = (): Promise<string> => h.perform('india', async (tx) => tenantKeys(tx).blind('a', 'v').toString('hex'));
    const [before, others] = [await hash(), (await keys('other')).length];
    ahead = SEALS_AFTER_MS + 2;
    const next = await rotate('india');
    ahead = 2 * SEALS_AFTER_MS + 3;
    expect(await hash()).toBe(before);
    expect(await keys('other')).toHaveLength(others);
    expect(() => openedIn(h.cell(), 'other', sealedIn(h.cell(), 'india'))).toThrow(SealBroken);
    expect(keyIdOf(sealedIn(h.cell(), 'india'))).toBe(next);
  });
  it('is waited for, and nobody is told that a value is broken, by a process that the key service does not answer', async () => {
    const kek = h.cell().use(Kek);
    let away = false;
    const cell = h.anotherCell('IN', [provide(Kek, () => ({ ...kek, unwrap: async (key, context) => {
      if (away) throw new Unavailable('the key service cannot be reached');
      return kek.unwrap(key, context);
    } }))]);
    await loadTenantKeys(cell, h.tenant('india'));
    ahead = 4 * SEALS_AFTER_MS;
    await rotate('india');
    away = true;
    await expect(refreshTenantKeys(cell)).rejects.toThrow(Unavailable);
    ahead += SEALS_AFTER_MS + 1;
    const sealed = sealedIn(h.cell(), 'india');
    expect(() => openedIn(cell, 'india', sealed)).toThrow(NotYet);
    // A name that no key ever had is no matter of waiting.
    expect(() => openedIn(cell, 'india', sealed.replace(keyIdOf(sealed), 'file:none/1'))).toThrow(SealBroken);
    expect(openedIn(h.cell(), 'india', sealedIn(cell, 'india'))).toBe('x');
    away = false;
    await refreshTenantKeys(cell);
    expect(openedIn(cell, 'india', sealed)).toBe('x');
  });
});

describe('the keys of persons', () => {
  it('are all sealed anew, also those that are made meanwhile, and everybody’s values open as before', async () => {
    ahead = 10 * SEALS_AFTER_MS;
    const asha = somebody();
    const person = await h.enrol(asha);
    const many = Array.from({ length: 1200 }, subject);
    const sealed = await h.perform('india', async (tx) => [...await makeSubjectKeys(tx, many)].map(([s, k]) => [s, k.seal(place, s)] as const));
    const next = await rotate('india');
    ahead += SEALS_AFTER_MS + 1;
    // A process whose clock is behind still seals by the key before.
    const late = subject();
    ahead -= SEALS_AFTER_MS;
    const lateSealed = await h.perform('india', async (tx) => (await makeSubjectKeys(tx, [late])).get(late)?.seal(place, late) as string);
    ahead += SEALS_AFTER_MS;
    const fresh = Array.from({ length: 50 }, subject);
    await Promise.all([reseal(), ...fresh.map((s) => h.perform('india', (tx) => makeSubjectKeys(tx, [s])))]);
    await reseal();
    expect(new Set(await wrapped('india'))).toEqual(new Set([next]));
    const opened = await h.perform('india', (tx) => subjectKeys(tx, [...many, late, ...fresh], { cached: false }));
    expect(opened.size).toBe(many.length + 1 + fresh.length);
    for (const [s, text] of [...sealed, [late, lateSealed] as const]) expect(opened.get(s)?.open(place, text)).toBe(s);
    const [fact] = await auditorRead(h.cell(), h.tenant('india').id, ({ sql }) => sql<{ detail: string }>`
      select detail from audit.entry where action = 'vault.subjects-resealed' order by seq desc limit 1`);
    expect(fact?.detail).toContain(next);
    expect((await keys('india')).at(-1)).toMatchObject({ state: 'current', subjects: BigInt((await wrapped('india')).length) });
    // Who had signed up before signs in.
    expect((await h.signIn(asha)).person).toBe(person);
  });
  it('one that was destroyed meanwhile stays destroyed', async () => {
    ahead = 20 * SEALS_AFTER_MS;
    const gone = subject();
    await h.perform('india', (tx) => makeSubjectKeys(tx, [gone]));
    await rotate('india');
    ahead += SEALS_AFTER_MS + 1;
    await su('delete from vault.subject_key where subject = $1', [gone]);
    await reseal();
    expect(await su('select 1 from vault.subject_key where subject = $1', [gone])).toEqual([]);
  });
});

it('verify finds persons’ keys whose data key is gone', async () => {
  const run = (): Promise<readonly string[]> => keysCheck.run({ cell: h.cell(), tenant: h.tenant('india') });
  expect(await run()).toEqual([]);
  const rows = await su<{ subject: string; wrapped: string }>('select subject, wrapped from vault.subject_key where tenant = $1 limit 1',
    [h.tenant('india').id]);
  const { subject: one, wrapped: text } = rows[0] as { subject: string; wrapped: string };
  const set = (to: string): Promise<unknown> => su('update vault.subject_key set wrapped = $1 where subject = $2', [to, one]);
  await set(text.replace(keyIdOf(text), 'file:gone/1'));
  expect(await run()).toEqual(["1 persons' keys are sealed by file:gone/1, which is not there"]);
  await set(text);
});

describe('by the calendar', () => {
  /** One look at the age of the keys, as the worker takes it. */
  const look = async (tenants: readonly TenantRef[], cell = h.cell()): Promise<void> => {
    const ending = new AbortController();
    const w = { cell, clock: { ...clock, sleep: async () => ending.abort() }, log: h.log, signal: ending.signal, modules: [],
      tenants: () => tenants } as unknown as WorkerContext;
    await rotation.run(w);
  };
  it('a key that has sealed for its days has a follower, once', async () => {
    const tenant = h.tenant('other');
    const count = (await keys('other')).length;
    await look([tenant]);
    expect(await keys('other')).toHaveLength(count);
    ahead = (KEY_DAYS + 1) * DAY_MS;
    await look([tenant]);
    await look([tenant]);
    expect((await keys('other')).map((k) => k.state)).toEqual([...Array(count - 1).fill('old'), 'current', 'next']);
    ahead += SEALS_AFTER_MS + 1;
    await look([tenant]);
    expect(await keys('other')).toHaveLength(count + 1);
  });
  it('a key service that is away costs no other tenant its turn, and is asked again', async () => {
    ahead = 3 * KEY_DAYS * DAY_MS;
    const [kek, other, india] = [h.cell().use(Kek), h.tenant('other'), h.tenant('india')];
    let away = true;
    const cell = h.anotherCell('IN', [provide(Kek, () => ({ ...kek, wrap: async (key, context) => {
      if (away && context.startsWith(other.id)) throw new Unavailable('the key service cannot be reached');
      return kek.wrap(key, context);
    } }))]);
    for (const tenant of [other, india]) await loadTenantKeys(cell, tenant);
    const counts = async (): Promise<number[]> => [(await keys('other')).length, (await keys('india')).length];
    const [others = 0, ours = 0] = await counts();
    await look([other, india], cell);
    expect(await counts()).toEqual([others, ours + 1]);
    expect(h.lines().filter((line) => line.event === 'vault.not-rotated').map((line) => line.tenant)).toEqual(['other']);
    away = false;
    await look([other, india], cell);
    expect(await counts()).toEqual([others + 1, ours + 1]);
  });
});
