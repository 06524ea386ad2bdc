import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { perform, systemClock, systemRandom, Unavailable, type Clock, type Uuid } from '#kernel';
import { loadTenantKeys, refreshTenantKeys, rotateTenantKey, SEALS_AFTER_MS } from '#spine/vault';
import { Kek } from '#spine/vault/port';
import { house, somebody, type Answer, type House, type Person } from '#test';
import { enrol } from './index.ts';

let ahead = 0;
const clock: Clock = { ...systemClock, now: () => new Date(systemClock.now().getTime() + ahead) };
const BY = { actor: { kind: 'operator', id: 'f'.repeat(32) as Uuid, permissions: [] }, trace: 'a'.repeat(32) } as const;
let h: House;
beforeAll(async () => { h = await house({ clock, limits: false }); });
afterAll(() => h.stop());

const start = (p: Person): Promise<Answer> => h.request({ path: '/api/sign-in/challenges',
  json: { identifier: p.identifier, dateOfBirth: p.dateOfBirth, year: 2026, browser: systemRandom.bytes(16).toString('hex') } });

it('whose key the key service has not opened here yet is told to come back, and who asks in the same moment is answered', async () => {
  const known = Array.from({ length: 6 }, () => somebody());
  for (const person of known) await h.enrol(person);
  const other = h.anotherCell();
  await loadTenantKeys(other, h.tenant());
  expect((await rotateTenantKey(other, h.tenant(), BY, clock)).ok).toBe(true);
  const unwrap = vi.spyOn(h.cell().use(Kek), 'unwrap').mockRejectedValue(new Unavailable('the key service cannot be reached'));
  await expect(refreshTenantKeys(h.cell())).rejects.toThrow(Unavailable);
  ahead = SEALS_AFTER_MS + 1;
  const { tenant: _, ...late } = somebody();
  await perform(other, h.tenant(), BY, (tx) => enrol(tx, [late]));
  const answers = await Promise.all([...known.slice(0, 3), late as Person, ...known.slice(3)].map(start));
  expect(answers.map((a) => a.status)).toEqual([201, 201, 201, 503, 201, 201, 201]);
  expect(answers[3]?.headers['retry-after']).toBe('60');
  unwrap.mockRestore();
  await refreshTenantKeys(h.cell());
  expect((await start(late as Person)).status).toBe(201);
});
