import { createServer, type Server } from 'node:http';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { provide } from '#kernel';
import { Reach } from '#platform/webhooks';
import { webhooksOver } from '#platform/webhooks/module';
import { everyModule, house, ItemGrown, ItemShut, probe, OPERATOR_PASSWORD, authenticatorCode, operatorOf, type House } from '#test';
import { has } from '../parts.ts';
import { chromiumPath, CHROMIUM_ARGS } from './chromium.ts';
import { builtAssets } from './pages.ts';
import { consolePage, shot, violationsOn, walkRooms } from './rooms.ts';

describe.runIf(has('chromium'))('the room for developers', () => {
  let h: House, browser: Browser, page: Page, base: string, receiver: Server;
  const got: { headers: string; body: string }[] = [];
  let status = 500;
  const faults: string[] = [];
  beforeAll(async () => {
    receiver = createServer((req, res) => {
      let body = '';
      req.on('data', (chunk: Buffer) => { body += chunk.toString('utf8'); }).on('end', () => {
        got.push({ headers: Object.entries(req.headers).map(([name, value]) => `${name}: ${String(value)}`).join('\n'), body });
        res.writeHead(status).end();
      });
    });
    await new Promise<void>((done) => { receiver.listen(0, '127.0.0.1', done); });
    h = await house({ serve: ['IN'], transport: 'http', workers: true, assets: await builtAssets(), provided: () => [provide(Reach, () => ({ loopback: true }))],
      modules: everyModule.map((m) => (m.name !== 'platform/webhooks' ? m : webhooksOver(
        [...everyModule.flatMap((x) => x.events ?? []), ItemGrown, ItemShut].filter((e) => !e.name.startsWith('webhooks.'))))),
      add: [probe()] });
    base = `http://india.localhost:${h.program.port}`;
    browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGS });
  });
  afterAll(async () => {
    await browser?.close();
    await h.stop();
    receiver.closeAllConnections();
    receiver.close();
  });
  const heading = (name: string | RegExp): Promise<void> => page.getByRole('heading', { level: 1, name }).waitFor();
  const step = (name: string): ReturnType<Page['locator']> => page.getByRole('listitem').filter({ has: page.getByRole('heading', { level: 3, name: new RegExp(`^\\d\\. ${name}$`) }) });

  it('is where a developer is after the sign-in, with everything to do', { timeout: 120_000 }, async () => {
    const developer = await operatorOf(h, 'developer');
    page = await consolePage(browser, { ...developer, cookies: {} }, base, faults);
    await page.goto(`${base}/operator/sign-in`);
    await page.getByLabel('Name').fill(developer.name);
    await page.getByLabel('Password').fill(OPERATOR_PASSWORD);
    await page.getByLabel(/code/i).fill(authenticatorCode(developer.key, 1));
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.waitForURL(/\/console\/developers/);
    await heading('For developers');
    expect(await page.getByRole('navigation', { name: 'Rooms' }).getByRole('link').allInnerTexts()).toEqual(['Alerts', 'For developers', 'Webhooks']);
    for (const name of ['Make an endpoint', 'Send it a test', 'Answer 2xx', 'Choose its events']) await step(name).getByText('To do').waitFor();
    await page.getByText('Make an endpoint first.').first().waitFor();
    await page.getByText('Answer 2xx within 15 seconds').waitFor();
    await page.getByText(/5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h after the try before, each up to 20 %/).waitFor();
    await shot(page, 'developers-empty');
    expect(await violationsOn(page)).toEqual([]);
    // Others begin where they did.
    const other = await consolePage(browser, await operatorOf(h), base, faults);
    await other.goto(`${base}/console`);
    await other.getByRole('heading', { level: 1, name: 'Console' }).waitFor();
    await other.context().close();
  });

  it('leads from the first endpoint to the first answer', { timeout: 120_000 }, async () => {
    await step('Make an endpoint').getByRole('link', { name: 'Make one' }).click();
    await heading('Webhooks');
    await page.getByLabel('Address').fill(`http://127.0.0.1:${(receiver.address() as { port: number }).port}/hook`);
    await page.getByLabel('What it is for').fill('The shop');
    await page.getByLabel('Events').fill('taxrefund.*');
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.getByText(/^whsec_/).waitFor();
    await page.getByRole('link', { name: 'For developers' }).click();
    await step('Make an endpoint').getByText('Done').waitFor();
    await step('Choose its events').getByText('It asks for taxrefund.*: 2 of the').waitFor();
    await step('Send it a test').getByText('To do').waitFor();
    await page.getByRole('button', { name: 'Send a test event' }).click();
    await step('Send it a test').getByText('Done').waitFor();
    await expect.poll(() => got.length).toBe(1);
    await step('Answer 2xx').getByText('It has not answered 2xx yet.').waitFor();
    status = 200;
    await page.getByRole('button', { name: 'Send a test event' }).click();
    await step('Answer 2xx').getByText('Done').waitFor({ timeout: 20_000 });
    await step('Answer 2xx').getByRole('link').click();
    await heading('The shop');
    await page.goBack();
  });

  it('finds an event, shows its body and lets it be copied, also where there is no clipboard', { timeout: 120_000 }, async () => {
    await heading('For developers');
    await page.getByLabel('Search events').fill('signed IN');
    await page.getByText(/^Events shown: 1 of \d+$/).waitFor();
    await page.getByText('identity.signed-in').click();
    const body = page.getByLabel('Body: identity.signed-in', { exact: true });
    expect(JSON.parse(await body.innerText())).toMatchObject({ type: 'identity.signed-in', data: { person: expect.stringMatching(/^0{31}\d$/) } });
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: base });
    await page.getByRole('button', { name: 'Copy Body: identity.signed-in', exact: true }).click();
    await page.getByText('Copied.').waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(await body.innerText());
    await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true }));
    await page.getByRole('button', { name: 'Copy Body: identity.signed-in', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('Selected: press Ctrl C').waitFor();
    expect(await page.evaluate(() => String(getSelection()))).toBe(await body.innerText());
    // Each version as its receivers get it.
    await page.getByLabel('Search events').fill('probe.item');
    await page.getByText('probe.item-grown', { exact: true }).click();
    await page.getByLabel('Version').selectOption('Version 1, since 1 Nov 2026');
    expect(JSON.parse(await page.getByLabel('Body: probe.item-grown', { exact: true }).innerText())).toMatchObject({ data: { n: 5 } });
    await page.getByText('probe.item-grown', { exact: true }).click();
    await page.getByText('probe.item-shut').click();
    await page.getByLabel('Version').selectOption('Version 1, since 1 Nov 2026');
    await page.getByText('This version is not made any more.').waitFor();
    await page.getByLabel('Search events').fill('no such thing');
    await page.getByText('No event is like that.').waitFor();
    await page.getByLabel('Search events').fill('taxrefund.changed');
    await page.keyboard.press('Enter');
    await page.waitForURL(/q=taxrefund\.changed/);
    await page.reload();
    await page.getByLabel('Body: taxrefund.changed', { exact: true }).waitFor();
    await shot(page, 'developers-event');
  });

  it('checks a good and a tampered signature', { timeout: 120_000 }, async () => {
    const { headers, body } = got.at(-1) as { headers: string; body: string };
    await page.getByLabel('Headers', { exact: true }).fill(headers);
    await page.getByLabel('Body', { exact: true }).fill(body);
    await page.getByRole('button', { name: 'Check it' }).click();
    await page.getByText('The signature is right').waitFor();
    await page.getByText('The secret of today made it.').waitFor();
    await page.getByLabel('Body', { exact: true }).fill(body.replace('true', 'false'));
    await page.getByRole('button', { name: 'Check it' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('The signature is not accepted').waitFor();
    await page.getByText('The body was changed').waitFor();
    await shot(page, 'developers-tampered');
    expect(await violationsOn(page)).toEqual([]);
    for (const name of ['With the package standardwebhooks', 'With node:crypto alone']) await page.getByText(name, { exact: true }).click();
    await page.getByText('new Webhook(secret).verify(body, headers)').waitFor();
  });

  it('says so when it cannot be reached, and stands in both languages and appearances at 390 and 320 px as well', { timeout: 120_000 }, async () => {
    await page.route('**/api/webhooks/catalogue', (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ type: '/problems/unavailable', title: 'The database cannot be reached.', trace: 'a'.repeat(32), status: 503 }) }));
    await page.goto(`${base}/console/developers`);
    await page.getByText('That did not work').first().waitFor({ timeout: 20_000 });
    await shot(page, 'developers-error');
    await page.unroute('**/api/webhooks/catalogue');
    expect(await walkRooms(page, base, ['/developers?q=taxrefund.changed', '/developers'])).toEqual([]);
    for (const [lang, theme] of [['en', 'light'], ['en', 'dark'], ['hi', 'light'], ['hi', 'dark']] as const) for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 844 });
      await page.goto(`${base}/console/developers?q=taxrefund.changed&lang=${lang}&theme=${theme}`);
      await page.getByText('taxrefund.changed').first().waitFor();
      await page.waitForLoadState('networkidle');
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      expect(await violationsOn(page)).toEqual([]);
      await shot(page, `developers-${lang}-${theme}-${width}`);
    }
    expect(faults.filter((f) => !/503/.test(f))).toEqual([]);
  });
});
