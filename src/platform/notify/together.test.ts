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

/** How many statements about messages, hours and keys are sent meanwhile. */
async function counted(work: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const { app, batch } = h.cell().pools;
  const undo = [app, batch].map((pool: Pool) => {
    const original = pool.with.bind(pool);
    pool.with = <T>(use: (c: Connection) => Promise<T>): Promise<T> => original((c) => {
      const send = c.query.bind(c);
      c.query = (what) => {
        if (typeof what !== 'string' && /notify\.|limits\.bucket|vault\./.test(what.text)) count += 1;
        return send(what);
      };
      return use(c);
    });
    return () => { pool.with = original; };
  });
  await work().finally(() => { for (const back of undo) back(); });
  return count;
}

it('messages that leave together share their statements', async () => {
  const people = await Promise.all(Array.from({ length: MANY }, async () => h.enrol(somebody())));
  await h.perform('india', (tx) => notifyAll(tx.section, tx, kind, people.map((person) => ({ person, dedupe: 'one', data: {} }))));
  const sent = h.messages.sent.length;
  const count = await counted(() => h.runJobs());
  expect(h.messages.sent.length - sent).toBe(MANY);
  expect(count / MANY).toBeLessThan(2);
});
