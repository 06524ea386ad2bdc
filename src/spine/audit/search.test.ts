import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { perform, systemClock } from '#kernel';
import { house, operatorOf, probe, type Answer, type House, type MadeOperator } from '#test';
import { SEARCH_LOOKED_MAX } from './contract.ts';

let h: House;
let auditor: MadeOperator;
beforeAll(async () => {
  h = await house({ add: [probe()], limits: false, serve: ['IN'] });
  auditor = await operatorOf(h, 'auditor');
});
afterAll(() => h.stop());

interface Page { facts: { seq: string; action: string; actor: string; subject: string; resource: string; trace: string; detail: Record<string,
  unknown>; device: { state: string; address: string | null; agent: string | null } | null }[]; next: string | null; lookedTo: string | null }
const search = (query: Record<string, string>, cookies = auditor.cookies, tenant = 'india'): Promise<Answer> =>
  h.request({ path: `/api/audit/facts?${new URLSearchParams(query).toString()}`, cookies, tenant });
const page = async (query: Record<string, string>): Promise<Page> => (await search(query)).json<Page>();

describe('search', () => {
  it('finds by action, actor, request, result and time, newest first, page by page', async () => {
    const trace = 'ab12'.repeat(8);
    await h.perform('india', async (tx) => { for (let i = 0; i < 250; i++) tx.audit({ action: 'probe.many', result: i % 2 ? 'done' : 'refused',
      resource: `n ${i}` }); });
    await h.request({ path: '/api/probe/one', json: { key: 'searched', n: 1, fault: 'none' }, headers: { traceparent: `00-${trace}-${'2'.repeat(16)}-01` } });
    const found: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const answer: Page = await page({ action: 'probe.many', ...(cursor ? { cursor } : {}) });
      found.push(...answer.facts.map((f) => f.seq));
      cursor = answer.next;
    }
    expect([found.length, new Set(found).size]).toEqual([250, 250]);
    expect(found).toEqual(found.toSorted((a, b) => Number(b) - Number(a)));
    expect((await page({ action: 'probe.many', result: 'refused' })).facts.length).toBe(100);
    expect((await page({ trace })).facts.map((f) => f.action)).toContain('probe.added');
    expect((await page({ resource: 'n 17' })).facts.map((f) => [f.action, f.resource])).toEqual([['probe.many', 'n 17']]);
    expect((await page({ resource: 'n 17', result: 'refused' })).facts).toEqual([]);
    expect((await search({ resource: 'n\u0000' })).status).toBe(422);
    expect((await page({ action: 'probe.many', to: '2020-01-01T00:00:00Z' })).facts).toEqual([]);
    expect((await page({ action: 'probe.many', from: '2999-01-01T00:00:00Z' })).facts).toEqual([]);
    const me = (await h.request({ path: '/api/operators/me', cookies: auditor.cookies })).json<{ operator: string }>().operator;
    const mine = await page({ actor: me, action: 'audit.searched' });
    expect(mine.facts.length).toBeGreaterThan(5);
    expect(mine.facts.every((f) => `opr_${f.actor}` === me)).toBe(true);
  });
  it('goes on behind facts that have no such thing, however many they are', async () => {
    const su = h.sql('IN', 'superuser');
    await h.perform('india', async (tx) => tx.audit({ action: 'probe.far', result: 'done', resource: 'far away' }));
    await su(`insert into audit.fact (id, tenant, at, actor_kind, action, result, trace)
      select gen_random_uuid(), $1, $3, 'nobody', 'probe.nothing', 'done', repeat('0', 32) from generate_series(1, $2::int)`,
    [h.tenant().id, SEARCH_LOOKED_MAX, systemClock.now()]);
    const first = await page({ resource: 'far away' });
    expect([first.facts, first.next === null]).toEqual([[], false]);
    expect((await page({ resource: 'far away', cursor: first.next as string })).facts.map((f) => f.action)).toEqual(['probe.far']);
  });
  it('of a person needs a purpose, and leaves the look with it', async () => {
    const who = await h.signIn();
    const refused = await search({ subject: `per_${who.person}` });
    expect([refused.status, refused.json<{ type: string }>().type]).toEqual([422, '/problems/purpose-missing']);
    const found = await page({ subject: who.person, purpose: 'complaint' });
    expect(found.facts.length).toBeGreaterThan(1);
    expect(found.facts.every((f) => f.subject === who.person)).toBe(true);
    expect(found.facts.filter((f) => f.action === 'audit.searched')[0]?.detail).toEqual({});
    const looks = (await page({ subject: who.person, purpose: 'review', action: 'audit.searched' })).facts;
    expect(looks.map((f) => f.detail)).toEqual([{ purpose: 'complaint' }, {}]);
    expect((await search({ subject: who.person, purpose: 'curiosity' })).status).toBe(422);
  });
  it('opens the address and the agent of what is about a person to whom looks at them for a purpose, and to nobody else', async () => {
    const who = await h.signIn();
    const trace = 'cd34'.repeat(8);
    await perform(h.cell(), h.tenant(), { actor: { kind: 'nobody' }, trace, address: '203.0.113.80', agent: 'Another agent' }, async (tx) => {
      tx.audit({ action: 'probe.seen', result: 'done', subject: who.person });
      tx.audit({ action: 'probe.unseen', result: 'done' });
    });
    const asked = { subject: who.person, purpose: 'fraud', action: 'probe.seen' };
    const seen = { state: 'open', address: '203.0.113.80', agent: 'Another agent' };
    expect((await page(asked)).facts.map((f) => f.device)).toEqual([seen]);
    // The looks are facts themselves, by the auditor's own device.
    expect((await page({ ...asked, action: 'audit.searched' })).facts.map((f) => [f.detail, f.device?.state])).toEqual([[{ purpose: 'fraud' }, 'open']]);
    // Without a person there is no purpose, and nothing is opened.
    await h.perform('india', async (tx) => tx.audit({ action: 'probe.seen', result: 'done', subject: who.person, resource: 'n 17' }));
    expect((await page({ ...asked, resource: 'n 17' })).facts.map((f) => [f.resource, f.device])).toEqual([['n 17', null]]);
    expect((await page({ trace })).facts.map((f) => [f.action, f.device])).toEqual([['probe.unseen', null], ['probe.seen', null]]);
    expect(await h.findSecrets({ agent: 'Another agent', address: '203.0.113.80' })).toEqual([]);

    const su = h.sql('IN', 'superuser');
    const changed = "overlay(origin placing case right(origin, 2) when 'AA' then 'BB' else 'AA' end from length(origin) - 1)";
    await su(`set session_replication_role = replica; update audit.fact set origin = ${changed} where action = 'probe.seen';
      set session_replication_role = origin`);
    const devices = async (): Promise<unknown> => (await page(asked)).facts.map((f) => f.device);
    expect(await devices()).toEqual([null, { state: 'broken', address: null, agent: null }]);
    await su('delete from vault.subject_key where subject = $1', [who.person]);
    expect(await devices()).toEqual([null, { state: 'erased', address: null, agent: null }]);
  });
  it('sees its own tenant only', async () => {
    await h.perform('other', async (tx) => tx.audit({ action: 'probe.others', result: 'done' }));
    expect((await page({ action: 'probe.others' })).facts).toEqual([]);
    expect((await search({ action: 'probe.others' }, auditor.cookies, 'other')).status).toBe(401);
    const feed = await operatorOf(h, 'feed');
    expect((await search({}, feed.cookies)).status).toBe(403);
  });
});
