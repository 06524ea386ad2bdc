import { afterAll, beforeAll, expect, it } from 'vitest';
import { notice, provide, type Connection, type Pool } from '#kernel';
import { house, somebody, type House } from '#test';
import { notifyAll } from './index.ts';
import { Providers } from './port.ts';

const text = { label: 'Tests', title: 'Test', body: 'Body', text: 'test' };
const kind = notice('notify.test', { doc: 'x', lane: 'bulk', offered: ['text'], chosen: ['text'], lifeMs: 86_400_000, values: [],
  texts: { en: text, hi: text } });
const MANY = 16;

let h: House;
beforeAll(async () => {
  h = await house({ limits: false, add: [{ name: 'products/notified', doc: 'A kind of the tests.', needs: [], notices: [kind] }],
    provided: () => [provide(Providers, () => ({ text: [h.messages], email: [], push: [] }))] });
});
afterAll(() => h.stop());

/** The statements about messages, hours and keys that are sent meanwhile. */
async function sentFor(work: () => Promise<unknown>): Promise<string[]> {
  const texts: string[] = [];
  const { app, batch } = h.cell().pools;
  const undo = [app, batch].map((pool: Pool) => {
    const original = pool.with.bind(pool);
    pool.with = <T>(use: (c: Connection) => Promise<T>): Promise<T> => original((c) => {
      const send = c.query.bind(c);
      c.query = (what) => {
        if (typeof what !== 'string' && /notify\.|limits\.bucket|vault\./.test(what.text)) texts.push(what.text);
        return send(what);
      };
      return use(c);
    });
    return () => { pool.with = original; };
  });
  await work().finally(() => { for (const back of undo) back(); });
  return texts;
}

it('messages that leave together share their statements, and each is found by its key while nothing is known of the table', async () => {
  const people = await Promise.all(Array.from({ length: MANY }, async () => h.enrol(somebody())));
  await h.perform('india', (tx) => notifyAll(tx.section, tx, kind, people.map((person) => ({ person, dedupe: 'one', data: {} }))));
  const sent = h.messages.sent.length;
  const texts = await sentFor(() => h.runJobs());
  expect(h.messages.sent.length - sent).toBe(MANY);
  expect(texts.length / MANY).toBeLessThan(2);
  const byIds = texts.filter((t) => /notify\.message m?\b[^]*\bid = any\(/.test(t));
  expect(byIds.length).toBeGreaterThanOrEqual(3);
  for (const t of new Set(byIds)) {
    const plan = (await h.sql('IN', 'superuser')<{ 'QUERY PLAN': string }>(`explain (generic_plan) ${t}`)).map((r) => r['QUERY PLAN']).join('\n');
    expect(plan).toMatch(/message_pkey on message|message_in on message[^\n]*\n +Index Cond: \(\((?:\w+\.)?state = /);
    expect(plan).not.toMatch(/message_(?:of|ref|campaign|tenant_notice\w*) on/);
  }
});
