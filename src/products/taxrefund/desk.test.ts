import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureMachine, signatureHeaders, type MachineKey } from '#spine/identity';
import { systemClock } from '#kernel';
import { house, operatorOf, somebody, type Answer, type House, type MadeOperator } from '#test';

let h: House;
let key: MachineKey;
let operator: MadeOperator;
const person = somebody();
beforeAll(async () => {
  h = await house({ limits: false, serve: ['IN'] });
  key = await h.perform('india', (tx) => ensureMachine(tx, 'authority', ['taxrefund:feed']));
  operator = await operatorOf(h, 'feed');
});
afterAll(() => h.stop());

const event = (id: string, source = 'cpc'): Record<string, unknown> => ({
  kind: 'event', identifier: person.identifier, year: 2026, returnNo: 1, source, sourceEventId: id, sourceVersion: 1, occurredAt: '2026-08-01T10:00:00Z',
  code: 'IN_FILED_UNVERIFIED', facts: {},
});
const send = async (...lines: unknown[]): Promise<void> => {
  const ndjson = lines.map((l) => JSON.stringify(l)).join('\n');
  const answer = await h.request({ path: '/api/tax-refunds/feed', ndjson,
    headers: signatureHeaders(key, 'POST /api/tax-refunds/feed', ndjson, systemClock.now().getTime()) });
  expect(answer.status, answer.text).toBe(200);
};
const get = (path: string, cookies = operator.cookies): Promise<Answer> => h.request({ path: `/api/tax-refunds/${path}`, cookies });
const replay = (line: string, cookies = operator.cookies): Promise<Answer> => h.request({
  method: 'POST', path: `/api/tax-refunds/quarantine/${line}/replay`, cookies, headers: { 'sec-fetch-site': 'same-origin' }, idempotencyKey: `replay-${line}`,
});

describe('the desk of the feed', () => {
  it('shows sources, what waits and one line for a purpose, and takes a line again', async () => {
    await send(event('early'), event('early-too'));
    const waiting = (await get('feed/health')).json<{ sources: unknown[]; quarantine: { reason: string; open: number }[] }>();
    expect(waiting).toMatchObject({ hours: 24, cut: false, sources: [], quarantine: [{ reason: 'unknown_person', open: 2 }] });
    const { lines } = (await get('quarantine?reason=unknown_person')).json<{ lines: { line: string }[] }>();
    expect([lines.length, (await get('quarantine?reason=malformed')).json<{ lines: unknown[] }>().lines.length]).toEqual([2, 0]);
    const line = lines[0]?.line ?? '';
    expect((await get(`quarantine/${line}`)).json()).toMatchObject({ status: 422, type: '/problems/purpose-missing' });
    const shown = (await get(`quarantine/${line}?purpose=correction`)).json<{ text: string; state: string }>();
    expect([JSON.parse(shown.text), shown.state]).toEqual([event('early'), 'open']);
    expect((await replay(line)).json()).toEqual({ taken: false, reason: 'unknown_person' });
    await h.enrol(person);
    const [again] = (await get('quarantine')).json<{ lines: { line: string }[] }>().lines;
    expect((await replay(again?.line ?? '')).json()).toEqual({ taken: true, reason: null });
    expect((await replay(line)).json()).toMatchObject({ taken: false }); // the answer that its key was given
    const health = (await get('feed/health?hours=1')).json<{ sources: Record<string, unknown>[]; quarantine: unknown[] }>();
    expect(health).toMatchObject({ sources: [{ source: 'cpc', events: 1, lastOccurredAt: '2026-08-01T10:00:00.000Z' }], quarantine: [{ open: 1 }] });
    expect(health.sources[0]?.silentSeconds).toBeLessThan(60);
    expect(health.sources[0]?.delaySeconds).toBeGreaterThan(0);
  });
  it('knows no line of another office and lets nobody in without the permission', async () => {
    expect((await get(`quarantine/qua_${'0'.repeat(32)}?purpose=correction`)).status).toBe(404);
    const accountant = await operatorOf(h, 'accountant');
    for (const path of ['feed/health', 'quarantine', `quarantine/qua_${'0'.repeat(32)}`]) expect((await get(path, accountant.cookies)).status, path).toBe(403);
  });
  it('pages through what waits', async () => {
    await send(...Array.from({ length: 150 }, (_, i) => ({ ...event(`nobody-${i}`), identifier: 'ZZZPZ0000Z' })));
    const first = (await get('quarantine')).json<{ lines: { line: string }[]; next: string }>();
    const second = (await get(`quarantine?cursor=${first.next}`)).json<{ lines: { line: string }[]; next: null }>();
    expect([first.lines.length, second.lines.length, second.next]).toEqual([100, 51, null]);
    expect(new Set([...first.lines, ...second.lines].map((l) => l.line)).size).toBe(151);
  });
});
