import { chromium, type Browser, type BrowserContext, type FrameLocator, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { has } from '../parts.ts';
import { chromiumPath, CHROMIUM_ARGS } from './chromium.ts';
import { startDemo, type Demo } from './demo.ts';

const CHANGE_MS_MAX = 2000;
const REFUND = '/t/india/tax-refunds/2026';

interface Message { to: string; text: string }

describe.runIf(has('chromium'))('the demo in a browser', () => {
  let demo: Demo;
  let browser: Browser;
  let context: BrowserContext;
  let tour: Page;
  let phone: FrameLocator;
  const consoleErrors: string[] = [];

  beforeAll(async () => {
    [demo, browser] = await Promise.all([startDemo(), chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGS })]);
    context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-IN' });
    tour = await context.newPage();
    tour.on('console', (m) => { if (m.type() === 'error') consoleErrors.push(m.text()); });
    tour.on('pageerror', (e) => consoleErrors.push(e.message));
    phone = tour.frameLocator('#phone');
    await tour.goto(demo.base);
  }, 90_000);
  afterAll(async () => {
    await browser?.close();
    await demo?.stop();
  }, 30_000);

  const press = (action: string): Promise<void> => tour.click(`#act-${action} button`);
  const outcome = (step: number): Promise<string> => tour.locator(`#outcome-${step}`).innerText();
  /** The numbers of step 4 as one drawing of the page shows them: between two looks another view may be answered. */
  const counts = (): Promise<Record<string, number>> => tour.locator('#outcome-4').evaluate((box) => Object.fromEntries(
    ['answered', 'audited', 'spooled'].map((name) => [name, Number(box.querySelector<HTMLElement>(`[data-${name}]`)?.innerText)])));
  /** How long the phone takes to show a heading, with nobody touching it. */
  const shows = async (text: RegExp): Promise<number> => {
    const from = performance.now();
    await phone.locator('h1', { hasText: text }).waitFor({ timeout: 10_000 });
    return performance.now() - from;
  };

  it('starts with few lines: one address, three people, each step with its time', () => {
    expect(demo.lines.length).toBeLessThanOrEqual(20);
    expect(new Set(demo.lines.join(' ').match(/http:\/\/localhost:\d+(?=[\s,;]|$)/g))).toEqual(new Set([demo.base]));
    expect(demo.lines.filter((l) => /PAN [A-Z]{5}\d{4}[A-Z]/.test(l))).toHaveLength(3);
    expect(demo.lines.filter((l) => /^ *\d+\.\d s /.test(l)).length).toBeGreaterThan(3);
  });

  it('refuses steps whose ground is missing, in plain words', async () => {
    await press('reject');
    await expect.poll(() => outcome(2)).toContain('First sign in as Asha');
    await press('tamper');
    await expect.poll(() => outcome(5)).toContain('There is no view of Asha’s refund');
  });

  it('1: signs in as Asha by the real form, with the code from the lock screen', async () => {
    expect(await tour.locator('.steps .next').innerText()).toContain('Sign in as Asha');
    await press('sign-in');
    await phone.locator('h1', { hasText: 'went to the refund banker' }).waitFor({ timeout: 15_000 });
    expect(await phone.locator('h1').innerText()).toContain('₹18,450 ');
    expect(await tour.locator('#lock').innerText()).toMatch(/\d{6} is your sign-in code/);
    await expect.poll(() => tour.locator('#outcome-1 .trace code').allInnerTexts()).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), expect.stringMatching(/^[0-9a-f]{32}$/)]);
  });

  it('2: the bank rejects the refund, and the phone changes by itself; in Hindi too', async () => {
    await press('reject');
    expect(await shows(/could not accept/)).toBeLessThan(CHANGE_MS_MAX);
    await expect.poll(() => outcome(2)).toContain('IN_FAILED');
    await press('reject');
    await expect.poll(() => outcome(2)).toContain('already sent this refund back');
    await tour.click('a.phone-language');
    await phone.locator('html[lang=hi] h1').waitFor();
    await press('send-again');
    expect(await shows(/रिफंड बैंकर/)).toBeLessThan(CHANGE_MS_MAX);
    await press('reject');
    expect(await shows(/बैंक/)).toBeLessThan(CHANGE_MS_MAX);
    await tour.click('a.phone-language');
    await phone.locator('html[lang=en] h1').waitFor();
  });

  it('3: says why, down to the stored event, its source and the law', async () => {
    await press('why');
    await tour.locator('#outcome-3 .chain').waitFor();
    const said = await outcome(3);
    for (const part of ['The bank account is closed', 'IN_FAILED', 'Refund banker', 'Income-tax Act, 1961', 'place ']) expect(said).toContain(part);
    expect(said).toMatch(/[0-9a-f]{64}/);
  });

  it('4: goes on without its database, says so, recovers, and has audited every view that it answered', { timeout: 45_000 }, async () => {
    await press('cut');
    await phone.locator('.notice.waiting', { hasText: 'You see what we knew at' }).waitFor({ timeout: 8000 });
    const refused = await context.request.get(`${demo.base}/t/india/tax-refunds`, { headers: { accept: 'text/html' } });
    expect(refused.status()).toBe(503);
    expect(await refused.text()).toContain('Nothing was changed');
    for (let i = 0; i < 3; i++) expect((await context.request.get(`${demo.base}/t/india/api/tax-refunds/2026`)).status()).toBe(200);
    await tour.locator('#outcome-4 [data-state=back]').waitFor({ timeout: 25_000 });
    // The banner goes by itself, and the line to the page still works.
    await phone.locator('.notice.waiting').waitFor({ state: 'detached', timeout: 10_000 });
    await press('send-again');
    expect(await shows(/went to the refund banker/)).toBeLessThan(CHANGE_MS_MAX);
    await expect.poll(async () => { const { answered, audited } = await counts(); return audited === answered; }, { timeout: 8000 }).toBe(true);
    await expect.poll(() => outcome(4), { timeout: 8000 }).toContain('Every answered view is audited');
    expect((await counts()).spooled).toBeGreaterThanOrEqual(4);
  });

  it('5: verification names the one row that was changed, and is content after it was put back', async () => {
    await press('tamper');
    await tour.locator('#outcome-5 [data-fact]').waitFor({ timeout: 15_000 });
    const fact = await tour.locator('#outcome-5 [data-fact]').getAttribute('data-fact');
    expect(await outcome(5)).toMatch(new RegExp(`IN audit chain: changed at position \\d+ \\(fact ${fact}\\)`));
    await press('restore');
    await tour.locator('#outcome-5 [data-sound=true]').waitFor({ timeout: 15_000 });
    expect(await outcome(5)).toContain('Everything holds');
  });

  it('6: pays Ravi, and follows the number back to the request and its place in the audit chain', { timeout: 45_000 }, async () => {
    await press('pay');
    await tour.locator('#outcome-6 [data-payment]').waitFor({ timeout: 20_000 });
    const said = await outcome(6);
    expect(await tour.locator('#outcome-6 [data-payment]').getAttribute('data-whole')).toBe('true');
    for (const part of ['₹250.00 went to @ravi', 'Posting', 'Asked by', 'person', 'place ']) expect(said).toContain(part);
    expect(said).toMatch(/[0-9a-f]{64}/);
    await expect.poll(() => tour.locator('#postings').innerText()).toContain('₹250.00');
  });

  it('7: follows one event to the page, the inbox, a text, a signed webhook and one timeline', { timeout: 45_000 }, async () => {
    await press('tell');
    await tour.locator('#outcome-7 [data-trace-of]').waitFor({ timeout: 20_000 });
    expect(await tour.locator('#outcome-7 [data-trace-of]').getAttribute('data-signed')).toBe('true');
    const said = await outcome(7);
    for (const part of ['in the log', 'came, by this house', 'signature checked there', 'The timeline in the console']) expect(said).toContain(part);
    expect(said).toMatch(/Text message\s+came, by (http|form)/);
    const texts = await (await context.request.get(`${demo.base}/_dev/messages.json`)).json() as Message[];
    expect(texts.some((t) => t.to === '+910000090001' && !/\d{6}/.test(t.text))).toBe(true);
    // As it was before: the refund is on its way.
    await press('send-again');
    await expect.poll(() => outcome(2)).toContain('IN_SENT_BANKER');
    expect(await tour.frameLocator('#phone').locator('a.notices').getAttribute('data-unseen')).toMatch(/^\d+$/);
  });

  it('broke no rule of its own security policy on the way', () => {
    expect(consoleErrors.filter((e) => !/503/.test(e))).toEqual([]);
  });

  it('signs Ravi in by keyboard alone', async () => {
    const page = await (await browser.newContext({ viewport: { width: 390, height: 844 } })).newPage();
    await page.goto(`${demo.base}/t/india/`);
    const until = async (selector: string): Promise<void> => {
      for (let i = 0; i < 30 && !await page.evaluate((s) => document.activeElement?.matches(s) ?? false, selector); i++) await page.keyboard.press('Tab');
      expect(await page.evaluate((s) => document.activeElement?.matches(s) ?? false, selector)).toBe(true);
    };
    await until('main a.button');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/sign-in');
    for (const [name, value] of Object.entries({ identifier: 'aaapv0000b', day: '3', month: '11', birthYear: '1975' })) {
      await until(`#${name}`);
      await page.keyboard.type(value);
    }
    await page.keyboard.press('Enter');
    await page.waitForURL('**/sign-in/code**');
    await until('#code');
    await page.keyboard.type(await codeFor('+910000090002'));
    await page.keyboard.press('Enter');
    await page.waitForURL(`**${REFUND}`);
    expect(await page.locator('h1').innerText()).toContain('was paid into your bank account');
    await until('.sign-out button');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/sign-in');
    await page.goBack();
    await page.reload();
    expect(page.url()).toContain('/sign-in?then=');
    await page.context().close();
  });

  it('signs Meera in and walks the tour without JavaScript, in Hindi', { timeout: 60_000 }, async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 390, height: 844 } });
    plain.setDefaultTimeout(12_000);
    const page = await plain.newPage();
    await page.goto(`${demo.base}/t/india/sign-in?lang=hi`);
    await page.fill('#identifier', 'AAAPI0000C');
    await page.fill('#day', '१७'); // Devanagari digits
    await page.fill('#month', '6');
    await page.fill('#birthYear', '1996');
    await page.click('button.main');
    await page.fill('#code', '000000');
    await page.click('button.main');
    expect(await page.locator('.summary').innerText()).toContain('यह कोड सही नहीं है');
    await page.fill('#code', ` ${await codeFor('+910000090003')} `);
    await page.click('button.main');
    expect(page.url()).toContain(REFUND);
    expect(await page.locator('html').getAttribute('lang')).toBe('hi');
    await page.click('.sign-out button');
    await page.goto(`${demo.base}/?lang=en`);
    await page.click('#act-sign-in button');
    expect(await page.locator('#outcome-1').innerText()).toContain('Code accepted');
    await page.click('#act-why button');
    expect(page.url()).toContain('?step=3');
    expect(await page.locator('#outcome-3').innerText()).toContain('Processing centre');
    await page.click('#act-reject button');
    await page.frameLocator('#phone').locator('h1', { hasText: 'could not accept' }).waitFor();
    expect(await page.locator('#outcome-2 .trace code').innerText()).toMatch(/^[0-9a-f]{32}$/);
    await page.click('#act-tamper button');
    expect(await page.locator('#outcome-5').innerText()).toContain('IN audit chain: changed at position');
    await page.click('#act-restore button');
    expect(await page.locator('#outcome-5').innerText()).toContain('Everything holds');
    await page.click('#act-cut button');
    expect(await page.locator('#outcome-4').innerText()).toContain('The database is gone');
    await page.frameLocator('#phone').locator('.notice.waiting', { hasText: 'You see what we knew at' }).waitFor();
    await page.click('#act-reject button');
    expect(await page.locator('#outcome-2').innerText()).toContain('The database is away at the moment');
    await plain.close();
  });

  // The database is still away here.
  it('answers unknown addresses in words, and controls only to its own page', async () => {
    const lost = await context.request.get(`${demo.base}/no/such/page`, { headers: { accept: 'text/html' } });
    expect(lost.status()).toBe(404);
    expect(await lost.text()).toContain('There is no such page');
    expect((await context.request.get(`${demo.base}/t/nowhere/`)).status()).toBe(404);
    const foreign = await context.request.post(`${demo.base}/_dev/tour/cut`, { headers: { origin: 'http://elsewhere.example', 'sec-fetch-site': 'cross-site' } });
    expect(foreign.status()).toBe(403);
    expect((await context.request.post(`${demo.base}/t/india/_dev/tour/cut`, { headers: { origin: demo.base } })).status()).toBe(403);
    expect((await context.request.get(`${demo.base}/_dev/tour/cut`)).status()).toBe(404);
  });

  it('ends at once when it is told to, with the database cut as well', async () => {
    const from = performance.now();
    await context.close();
    expect(await demo.stop()).toBe(0);
    expect(performance.now() - from).toBeLessThan(8000);
  });

  async function codeFor(to: string): Promise<string> {
    let code = '';
    await expect.poll(async () => {
      const texts = await (await context.request.get(`${demo.base}/_dev/messages.json`)).json() as Message[];
      code = /\d{6}/.exec(texts.find((t) => t.to === to)?.text ?? '')?.[0] ?? '';
      return code;
    }, { timeout: 8000 }).toMatch(/^\d{6}$/);
    return code;
  }
});
