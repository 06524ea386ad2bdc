import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { done, handle, on, problem, refuse, systemClock, transact } from '#kernel';
import { begin, saga } from '#spine/saga';
import { Chore, house, ItemChanged, leave, operatorOf, probe, sectionOf, type House, type MadeOperator } from '#test';
import { has } from '../parts.ts';
import { chromiumPath, CHROMIUM_ARGS } from './chromium.ts';
import { builtAssets } from './pages.ts';
import { consolePage, walkRooms } from './rooms.ts';

const no = problem('test-no', { status: 409, title: 'No.', doc: 'Ask for something else.' });
let broken = true;
const steps = [
  { name: 'reserve', doc: 'Keeps an item.', do: async () => done({}), undo: async () => (broken ? refuse(no) : done({})) },
  { name: 'pay', doc: 'Asks for money.', do: async () => refuse(no) },
];
const order = saga('test.order', { version: 1, doc: 'An order of a test.', owner: 'order desk', input: { n: z.int() }, deadlineMs: 3_600_000, steps });

describe.runIf(has('chromium'))('the rooms of events, jobs and sagas', () => {
  let h: House, browser: Browser, page: Page, base: string, operator: MadeOperator, stuck: string;
  const faults: string[] = [];
  beforeAll(async () => {
    h = await house({ serve: ['IN'], transport: 'http', assets: await builtAssets(), workers: true, add: [probe({
      sagas: [order],
      handlers: [handle(Chore, async () => { if (broken) throw new TypeError('broken'); })],
      reactions: [on(ItemChanged, 'shelf', async (tx, e) => {
        if (broken) throw new TypeError('broken');
        await leave(tx, { subscriber: 'shelf', event: e.id, key: e.key, n: e.data.n });
      })],
    })] });
    base = `http://india.localhost:${h.program.port}`;
    operator = await operatorOf(h);
    stuck = `saga_${await h.perform('india', async (tx) => {
      tx.later(Chore, { n: 1 });
      return begin(tx, order, 'order 17', { n: 1 });
    })}`;
    for (let n = 1; n <= 2; n++) {
      await transact(h.cell(), h.cell().pools.app, [sectionOf(h, 'india', async (tx) => tx.emit({ actor: { kind: 'nobody' }, trace: '7'.repeat(32) }, ItemChanged, 'shelf 4', { n }))]);
    }
    const su = h.sql('IN', 'superuser');
    for (let i = 0; i < 600; i++) {
      await su("update jobs.job set run_at = run_at - interval '1 hour' where lease_until is null");
      const [row] = await su<{ ready: boolean }>(`select exists (select 1 from jobs.job where dead_at is not null) and (select count(*) = 2 from events.parked)
        and exists (select 1 from saga.saga where state = 'compensation_stuck') as ready`);
      if (row?.ready) break;
      await systemClock.sleep(25);
    }
    broken = false;
    browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGS });
    page = await consolePage(browser, operator, base, faults);
  }, 90_000);
  afterAll(async () => {
    await browser?.close();
    await h.stop();
  });

  it('are accessible in both themes and languages, and fit a phone', { timeout: 120_000 }, async () => {
    const rooms = ['/events', `/events?trace=${'7'.repeat(32)}`, '/events?key=none', '/subscribers', '/jobs', '/sagas', '/sagas?state=done', `/sagas/${stuck}`];
    expect(await walkRooms(page, base, rooms)).toEqual([]);
    expect(faults).toEqual([]);
  });
  it('let a person release what was parked, try a dead letter again and let a stuck saga go on', { timeout: 60_000 }, async () => {
    await page.goto(`${base}/console/subscribers?lang=en&theme=light`);
    await page.getByRole('button', { name: 'Release' }).click();
    await page.getByText('Nothing is parked').waitFor();
    await page.goto(`${base}/console/jobs`);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('No dead letter').waitFor();
    await page.goto(`${base}/console/sagas/${stuck}`);
    await page.getByLabel('Reason').selectOption('cause-removed');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('taken back', { exact: true }).first().waitFor();
    await page.goto(`${base}/console/events?key=shelf+4`);
    await page.getByRole('link').filter({ hasText: /20\d\d/ }).first().click();
    await page.getByText('What the request recorded and told others').waitFor();
    expect((await h.sql('IN', 'superuser')("select 1 from probe.effect where subscriber = 'shelf'")).length).toBe(2);
    expect(faults).toEqual([]);
  });
});
