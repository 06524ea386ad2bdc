import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { house, newAddress, operatorOf, type Answer, type Ask, type House, type MadeOperator } from '#test';
import { VIEWS_MAX } from './contract.ts';

let h: House, one: MadeOperator, two: MadeOperator;
beforeAll(async () => {
  h = await house({ serve: ['IN'], limits: false });
  [one, two] = [await operatorOf(h), await operatorOf(h, 'auditor')];
});
afterAll(() => h.stop());

interface Views { views: { view: string; name: string; search: string }[] }
const ask = (by: MadeOperator, path: string, more: Partial<Ask> = {}): Promise<Answer> =>
  h.request({ path: `/api/console/views${path}`, cookies: by.cookies, address: newAddress(), headers: { 'sec-fetch-site': 'same-origin' }, ...more });
const save = (by: MadeOperator, name: string, search: string, room = 'transfers'): Promise<Answer> =>
  ask(by, '', { method: 'POST', json: { room, name, search } });
const list = async (by: MadeOperator, room = 'transfers'): Promise<string[]> =>
  (await ask(by, `?room=${room}`)).json<Views>().views.map((v) => `${v.name}: ${v.search}`);

describe('views of a room', () => {
  it('are kept under a name, each operator’s and room’s own, sealed; the same name takes new filters on', async () => {
    expect((await save(one, 'Large ones', 'least=100000&currency=INR')).json()).toMatchObject({ views: [{ name: 'Large ones' }] });
    await save(one, 'Zebra quagga', 'exact=7');
    await save(one, 'LARGE ones', 'least=5');
    await save(one, 'Large ones', 'actor=x', 'audit');
    expect(await list(one)).toEqual(['Large ones: least=5', 'Zebra quagga: exact=7']);
    expect([await list(one, 'audit'), await list(two), await list(two, 'audit')]).toEqual([['Large ones: actor=x'], [], []]);
    expect(await h.findSecrets({ name: 'Zebra quagga', search: 'least=100000&currency=INR' })).toEqual([]);
  });
  it('are removed by whose they are, and by nobody else', async () => {
    const [view] = (await ask(one, '?room=audit')).json<Views>().views;
    const remove = (by: MadeOperator): Promise<Answer> => ask(by, `/${view?.view}`, { method: 'DELETE' });
    expect([(await remove(two)).status, (await remove(one)).status, (await remove(one)).status]).toEqual([404, 200, 404]);
    expect(await list(one, 'audit')).toEqual([]);
    const there = await operatorOf(h, 'administrator', 'other');
    expect((await ask(there, '?room=transfers', { tenant: 'other' })).json()).toEqual({ views: [] });
    expect((await ask(one, '?room=transfers', { cookies: (await h.signIn()).cookies })).status).toBe(403);
  });
  it('are so many and no more, of text that an address can hold', async () => {
    for (let i = 0; i < VIEWS_MAX; i++) expect((await save(two, `View ${i}`, `least=${i + 1}`)).status).toBe(200);
    const more = await save(two, 'One more', 'least=1');
    expect([more.status, more.json<{ type: string; limit: number }>().type]).toEqual([409, '/problems/console-views-used']);
    expect((await save(two, 'View 3', 'least=99')).status).toBe(200);
    for (const [name, search] of [['', 'a=1'], ['x'.repeat(61), 'a=1'], ['x', ''], ['x', 'a=<script>'], ['x', 'a'.repeat(1001)]] as const) {
      expect((await save(one, name, search)).status, `${name} ${search}`.slice(0, 20)).toBe(422);
    }
  });
});
