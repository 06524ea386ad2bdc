import { createServer, type Server } from 'node:http';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { provide, systemClock } from '#kernel';
import { Reach } from '#platform/webhooks';
import { webhooksOver } from '#platform/webhooks/module';
import { everyModule, house, ItemGrown, ItemShut, operatorOf, probe, type House } from '#test';
import { has } from '../parts.ts';
import { chromiumPath, CHROMIUM_ARGS } from './chromium.ts';
import { builtAssets } from './pages.ts';
import { consolePage, shot, violationsOn, walkRooms } from './rooms.ts';


describe.runIf(has('chromium'))('the rooms for webhooks, limits and caches', () => {
  let h: House, browser: Browser, page: Page, base: string, receiver: Server;
  const got: string[] = [];
  let status = 200;
  let echoing = false;
  const faults: string[] = [];
  beforeAll(async () => {
    receiver = createServer((req, res) => {
      let body = '';
      if (echoing) return void req.on('data', (chunk: Buffer) => { body += chunk.toString(); }).on('end', () => res.end((JSON.parse(body) as { data: { token?: string } }).data.token));
      got.push(String(req.headers['webhook-signature']));
      res.writeHead(got.length === 1 ? 500 : status).end('not today');
    });
    await new Promise<void>((done) => { receiver.listen(0, '127.0.0.1', done); });
    h = await house({ serve: ['IN'], transport: 'http', workers: true, assets: await builtAssets(), provided: () => [provide(Reach, () => ({ loopback: true }))],
      modules: everyModule.map((m) => (m.name !== 'platform/webhooks' ? m : webhooksOver(
        [...everyModule.flatMap((x) => x.events ?? []), ItemGrown, ItemShut].filter((e) => !e.name.startsWith('webhooks.'))))),
      add: [probe()] });
    base = `http://india.localhost:${h.program.port}`;
    const operator = await operatorOf(h);
    browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGS });
    page = await consolePage(browser, operator, base, faults);
  });
  afterAll(async () => {
    await browser?.close();
    await h.stop();
    receiver.closeAllConnections();
    receiver.close();
  });
  const heading = (name: string | RegExp): Promise<void> => page.getByRole('heading', { level: 1, name }).waitFor();
  const sound = async (name: string): Promise<void> => {
    await shot(page, name);
    expect(await violationsOn(page), name).toEqual([]);
  };

  it('make an endpoint, show its secret once, send a test and tell of each try', { timeout: 120_000 }, async () => {
    await page.goto(`${base}/console/webhooks`);
    await heading('Webhooks');
    await page.getByText('No endpoint yet').waitFor();
    await sound('webhooks-empty');
    await page.getByLabel('Address').fill('http://10.0.0.1/hook');
    await page.getByLabel('What it is for').fill('The shop’s stock');
    await page.getByLabel('Mail of whoever looks after it').fill('developer@example.com');
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.getByText('This address cannot be an endpoint.').waitFor();
    const { port } = receiver.address() as { port: number };
    await page.getByLabel('Address').fill(`http://127.0.0.1:${port}/hook`);
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.getByText(/^whsec_/).waitFor();
    await sound('webhooks-made');
    await page.getByRole('link', { name: `http://127.0.0.1:${port}/hook` }).click();
    await heading('The shop’s stock');
    await page.getByText(/^whsec_/).waitFor({ state: 'detached' });
    await page.getByText('d••••••@example.com').waitFor();
    await page.getByLabel('Mail of whoever looks after it').fill('other@example.com');
    await page.getByRole('button', { name: 'Use this mail' }).click();
    await page.getByText('o••••@example.com').waitFor();
    await page.getByRole('button', { name: 'Send a test event' }).click();
    await page.getByText('A test event is on its way.').waitFor();
    await page.getByRole('cell', { name: 'status 500' }).first().waitFor();
    await sound('webhooks-endpoint');
    // The endpoint asks for everything, its own making included: the test is the delivery of that type.
    await page.getByRole('row', { name: /webhooks\./ }).first().getByRole('link').click();
    await heading(/^Delivery \d+$/);
    await page.getByRole('button', { name: 'Send this event again' }).click();
    await page.getByText('It is on its way again').waitFor();
    await sound('webhooks-delivery');
    for (let i = 0; i < 100 && got.length < 2; i++) await systemClock.sleep(50);
    expect(got.every((s) => s.startsWith('v1,'))).toBe(true);
  });

  it('show both shapes of what a newer version changes, and move the endpoint there', { timeout: 120_000 }, async () => {
    await page.goto(`${base}/console/webhooks?lang=en&theme=light`);
    await page.getByRole('link', { name: /127\.0\.0\.1/ }).click();
    await page.getByText('It gets every event in the shape of 2027-02-01, the newest.').waitFor();
    // As one that was made before any of them changed.
    await h.sql('IN', 'superuser')("update webhooks.endpoint set version = '2026-11-01', revision = revision + 1");
    await page.getByText('It gets every event in the shape of 2026-11-01. The newest is 2027-02-01.').waitFor();
    const grown = page.locator('section.card').filter({ hasText: 'probe.item-grown' });
    expect(await grown.locator('pre').allInnerTexts()).toEqual([expect.stringContaining('"n": 5'), expect.stringContaining('"currency": "INR"')]);
    await page.locator('section.card').filter({ hasText: 'probe.item-shut' }).getByText('This is not made any more').waitFor();
    await sound('webhooks-versions');
    await page.setViewportSize({ width: 320, height: 640 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
    await page.goto(`${page.url()}?lang=hi&theme=dark`);
    await page.getByText('सबसे नया 2027-02-01 है।').waitFor();
    await sound('webhooks-versions-hi-dark-320');
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${base}/console/webhooks?lang=en&theme=light`);
    await page.getByRole('link', { name: /127\.0\.0\.1/ }).click();
    await page.getByRole('button', { name: 'Move it to 2027-02-01' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('It gets the newest shapes from now on.').waitFor();
    await page.getByText('It gets every event in the shape of 2027-02-01, the newest.').waitFor();
  });

  it('say that an endpoint has not shown yet that it wants what is sent, and ask it again', { timeout: 120_000 }, async () => {
    await h.sql('IN', 'superuser')("update webhooks.endpoint set state = 'unverified', challenge = 'none'");
    await page.goto(`${base}/console/webhooks?lang=en&theme=light`);
    await page.getByRole('cell', { name: 'waits for its answer' }).waitFor();
    await page.getByRole('link', { name: /127\.0\.0\.1/ }).click();
    await page.getByText('It has not shown yet that it wants this').waitFor();
    await page.getByRole('button', { name: 'Ask it again' }).click();
    await page.getByText('The last try: its answer was not the token.').waitFor({ timeout: 20_000 });
    await sound('webhooks-unverified');
    echoing = true;
    await page.getByRole('button', { name: 'Ask it again' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('It has not shown yet that it wants this').waitFor({ state: 'detached', timeout: 20_000 });
    await page.getByText('active, takes everything').waitFor();
    echoing = false;
  });

  it('say in every room that an endpoint was disabled, until somebody has seen to it', { timeout: 120_000 }, async () => {
    status = 410;
    await page.goto(`${base}/console/webhooks?lang=en&theme=light`);
    await page.getByRole('link', { name: /127\.0\.0\.1/ }).click();
    await heading('The shop’s stock');
    await page.getByRole('button', { name: 'Send a test event' }).click();
    await page.getByText('It answered 410: it wants nothing more.').waitFor();
    await expect.poll(async () => {
      await page.goto(`${base}/console/alerts`);
      const told = page.getByRole('row', { name: /A webhook endpoint was disabled/ });
      // The room reads its list when the page stands: to count at once would count nothing on a busy machine.
      return told.waitFor({ timeout: 5000 }).then(() => told.count(), () => 0);
    }, { timeout: 60_000 }).toBe(1);
    await page.getByRole('navigation', { name: 'Rooms' }).getByText('1 open').waitFor();
    await sound('alerts');
    await page.getByRole('link', { name: 'A webhook endpoint was disabled' }).click();
    await heading('The shop’s stock');
    await page.goBack();
    await page.getByRole('button', { name: 'Seen to' }).click();
    await page.getByText('Nothing needs anybody.').waitFor();
    await page.getByText('1 open').waitFor({ state: 'detached' });
    expect(await walkRooms(page, base, ['/alerts', '/alerts?state=closed'])).toEqual([]);
  });

  it('show what limits and caches counted, in Hindi, in the dark and at 320 px as well', { timeout: 120_000 }, async () => {
    for (const [path, name] of [['limits', 'Limits'], ['caches', 'Caches']] as const) {
      await page.goto(`${base}/console/${path}`);
      await heading(name);
      await page.getByRole('heading', { level: 2 }).first().waitFor();
      await sound(path);
    }
    await page.setViewportSize({ width: 320, height: 640 });
    for (const path of ['webhooks', 'limits', 'caches']) {
      await page.goto(`${base}/console/${path}?lang=hi&theme=dark`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.getByRole('heading', { level: 2 }).first().waitFor();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
      await sound(`${path}-hi-dark-320`);
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    expect(faults.filter((f) => !/422/.test(f))).toEqual([]);
  });
});
