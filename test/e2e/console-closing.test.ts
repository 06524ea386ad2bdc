import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { house, operatorOf, testTenants, wallets, type House, type MadeOperator, type Wallet, type Wallets } from '#test';
import { has } from '../parts.ts';
import { chromiumPath, CHROMIUM_ARGS } from './chromium.ts';
import { builtAssets } from './pages.ts';
import { consolePage, shot, violationsOn, walkRooms } from './rooms.ts';

describe.runIf(has('chromium'))('the office closes an account from the console', () => {
  let h: House, w: Wallets, browser: Browser, base: string, page: Page, other: Page, asha: Wallet, into: `wal_${string}`;
  const faults: string[] = [];
  beforeAll(async () => {
    const tenants = testTenants.map((t) => (t.slug === 'india' ? { ...t, products: ['taxrefund', 'wallet'] } : t));
    h = await house({ serve: ['IN'], transport: 'http', assets: await builtAssets(), tenants, limits: false });
    w = wallets(h);
    base = `http://india.localhost:${h.program.port}`;
    asha = await w.wallet(123_456);
    into = await w.another(asha.who);
    browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGS });
    const pageOf = async (operator: MadeOperator): Promise<Page> => consolePage(browser, operator, base, faults);
    [page, other] = [await pageOf(await operatorOf(h)), await pageOf(await operatorOf(h, 'compliance'))];
  });
  afterAll(async () => {
    await browser?.close();
    await h.stop();
  });
  const heading = (on: Page): Promise<void> => on.getByRole('heading', { level: 1, name: /^Account wal_/ }).waitFor();

  it('is found by its number, asked for with a reason, agreed to by another, and shown as closed by the office', { timeout: 120_000 }, async () => {
    await page.goto(`${base}/console/kyc`);
    await page.getByText('No closing waits for a second operator.').waitFor();
    await page.getByLabel('Account number').fill(asha.account);
    await page.getByRole('button', { name: 'See the account' }).click();
    await heading(page);
    expect(new URL(page.url()).pathname).toBe(`/console/kyc/accounts/${asha.account}`);
    await page.getByRole('button', { name: 'Ask for the closing' }).click();
    expect(await page.getByLabel('Reason').evaluate((e: HTMLSelectElement) => e.validity.valid)).toBe(false);
    await page.getByLabel('Reason').selectOption('terms');
    await page.getByLabel('What is left goes to').selectOption(into as string);
    await page.getByRole('button', { name: 'Ask for the closing' }).click();
    await page.getByText('You asked for this. It waits for a second, different operator.').waitFor();
    expect(await page.getByRole('button', { name: 'Close the account' }).count()).toBe(0);
    await other.goto(`${base}/console/kyc`);
    await other.locator('.grid a').first().click();
    await heading(other);
    await other.getByText('its terms were broken').first().waitFor();
    expect(await violationsOn(other)).toEqual([]);
    await shot(other, 'console-closing-decide');
    // Between the look and the yes money goes on its way.
    await w.post(asha.who, '/wallet/withdrawals', { account: asha.account, amount: { amount: '100', currency: 'INR' }, bank: 'DEMO0000000001' });
    await other.getByRole('button', { name: 'Close the account' }).click();
    await other.getByText('Money of it is still on its way to or from a bank. Nothing was changed.').waitFor();
    expect(await other.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('status');
    await h.runJobs();
    await other.getByRole('button', { name: 'Close the account' }).click();
    await other.getByText('Closed by the office').waitFor();
    await shot(other, 'console-closing-closed');
    await page.goto(`${base}/console/kyc`);
    await page.getByText('No closing waits for a second operator.').waitFor();
    const portal = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
    await portal.context().addCookies(Object.entries(asha.who.cookies).map(([name, value]) => ({ name, value, url: base })));
    await portal.goto(`${base}/wallet/accounts/${asha.account}`);
    await portal.getByText('Closed by the office on').waitFor();
    await portal.context().close();
  });

  it('says what to do where money is left and nothing can take it, and takes back what was asked', { timeout: 60_000 }, async () => {
    const ravi = await w.wallet(700);
    await page.goto(`${base}/console/kyc/accounts/${ravi.account}`);
    await page.getByText('its holder has no other open account in INR that could take it').waitFor();
    expect(await page.getByRole('button', { name: 'Ask for the closing' }).count()).toBe(0);
    await w.another(ravi.who);
    await page.reload();
    await page.getByLabel('Reason').selectOption('holder-asked');
    await page.getByRole('button', { name: 'Ask for the closing' }).click();
    await page.getByRole('button', { name: 'Take it back' }).click();
    await page.getByRole('button', { name: 'Ask for the closing' }).waitFor();
    await page.getByText('refused', { exact: true }).waitFor();
    await w.post(ravi.who, `/wallet/accounts/${ravi.account}/freeze`, { frozen: true });
    await page.reload();
    await page.getByText('It is frozen. Let it go first, then ask again.').waitFor();
  });

  it('is accessible open, waiting, closed and unknown, light and dark, in Hindi and at 320 px', { timeout: 120_000 }, async () => {
    const [open, waiting] = [await w.wallet(), await w.wallet()];
    await page.goto(`${base}/console/kyc/accounts/${waiting.account}`);
    await page.getByLabel('Reason').selectOption('other');
    await page.getByRole('button', { name: 'Ask for the closing' }).click();
    await page.getByRole('button', { name: 'Take it back' }).waitFor();
    const addresses = [open.account, waiting.account, asha.account, `wal_${'0'.repeat(32)}`].map((a) => `/kyc/accounts/${a}`);
    expect(await walkRooms(page, base, ['/kyc', ...addresses])).toEqual([]);
    expect(faults.filter((f) => !/status of (?:404|409)/.test(f))).toEqual([]);
  });
});
