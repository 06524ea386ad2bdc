import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { done, handle, on, problem, refuse, systemClock, transact } from '#kernel';
import { begin, saga } from '#spine/saga';
import { Chore, house, ItemChanged, leave, operatorOf, probe, sectionOf, type House, type MadeOperator } from '#test';
import { has } from '../parts.ts';
import { chromiumPath, CHROMIUM_ARGS } from './chromium.ts';
import { builtAssets } from './pages.ts';

const require = createRequire(import.meta.url);
const axeSource = readFileSync(createRequire(require.resolve('@axe-core/playwright')).resolve('axe-core/axe.min.js'), 'utf8');
declare const axe: { run(context: unknown, options: unknown): Promise<{ violations: { id: string; nodes: { target: string[]; html: string }[] }[] }> };
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const no = problem('test-no', { status: 409, title: 'No.', doc: 'Ask for something else.' });
let broken = true;
const steps = [
  { name: 'reserve', doc: 'Keeps an item.', do: async () => done({}), undo: async () => (broken ? refuse(no) : done({})) },
  { name: 'pay', doc: 'Asks for money.', do: async () => refuse(no) },
];
const order = saga('test.order', { version: 1, doc: 'An order of a test.', owner: 'order desk', input: { n: z.int() }, deadlineMs: 3_600_000, steps });
const SHOTS = process.env['SHOTS'];

describe.runIf(has('chromium'))('the rooms of events, jobs and sagas', () => {
  let h: House, browser: Browser, context: BrowserContext, page: Page, base: string, operator: MadeOperator, stuck: string;
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
    context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' });
    await context.addCookies([{ name: 'xq_operator', value: operator.cookies.xq_operator ?? '', url: base }]);
    page = await context.newPage();
    page.on('console', (message) => { if (message.type() === 'error') faults.push(message.text()); });
    page.on('pageerror', (error) => faults.push(String(error)));
  }, 90_000);
  afterAll(async () => {
    await browser?.close();
    await h.stop();
  });

  it('are accessible in both themes and languages, and fit a phone', { timeout: 120_000 }, async () => {
    const found: string[] = [];
    for (const [i, room] of ['/events', `/events?trace=${'7'.repeat(32)}`, '/events?key=none', '/subscribers', '/jobs', '/sagas', '/sagas?state=done', `/sagas/${stuck}`].entries()) {
      for (const hindi of [i % 2 === 1, i % 2 === 0]) {
        await page.setViewportSize({ width: 1280, height: 900 });
        await page.goto(`${base}/console${room}${room.includes('?') ? '&' : '?'}lang=${hindi ? 'hi' : 'en'}&theme=${hindi ? 'dark' : 'light'}`);
        await page.locator('main h2').first().waitFor();
        await page.waitForLoadState('networkidle');
        if (SHOTS) await page.screenshot({ path: `${SHOTS}/${i}-${hindi ? 'hi' : 'en'}.png`, fullPage: true });
        await page.evaluate(axeSource);
        found.push(...await page.evaluate(async (tags) => {
          const { violations } = await axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] });
          return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')} ${n.html.slice(0, 120)}`));
        }, TAGS));
        await page.setViewportSize({ width: 320, height: 640 });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (wide > 0) found.push(`${room}: ${wide} px too wide at 320`);
      }
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    expect(found).toEqual([]);
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
