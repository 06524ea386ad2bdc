import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { house, testTenants, wallets, type House, type Wallet, type Wallets } from '#test';
import { has } from '../parts.ts';
import { chromiumPath, CHROMIUM_ARGS } from './chromium.ts';
import { builtAssets } from './pages.ts';

const NARROW = { width: 320, height: 640 };

describe.runIf(has('chromium'))('a holder closes an account', () => {
  let h: House, w: Wallets, browser: Browser, base: string;
  beforeAll(async () => {
    const tenants = testTenants.map((t) => (t.slug === 'india' ? { ...t, products: ['taxrefund', 'wallet'] } : t));
    h = await house({ serve: ['IN'], transport: 'http', assets: await builtAssets(), limits: false, tenants });
    w = wallets(h);
    base = `http://india.localhost:${h.program.port}`;
    browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGS });
  });
  afterAll(async () => {
    await browser?.close();
    await h.stop();
  });

  /** The portal as a holder sees it on a narrow screen, without scripts. */
  async function portal(x: Wallet): Promise<{ page: Page; context: BrowserContext }> {
    const context = await browser.newContext({ viewport: NARROW, reducedMotion: 'reduce', javaScriptEnabled: false });
    await context.addCookies(Object.entries(x.who.cookies).map(([name, value]) => ({ name, value, url: base })));
    return { page: await context.newPage(), context };
  }
  // Without scripts on the page itself, the driver still measures it.
  const width = async (page: Page): Promise<number> => (await page.locator('html').evaluate((root) => root.scrollWidth));

  it('from the page of the account to the list of closed ones, and reads what was there', { timeout: 60_000 }, async () => {
    const asha = await w.wallet(123_456);
    const [into] = [await w.another(asha.who), await w.another(asha.who)];
    await h.request({ method: 'PUT', path: `/api/wallet/accounts/${into}/handle`, json: { handle: '@savings.of.asha' }, bearer: asha.who.bearer });
    await w.post(asha.who, '/wallet/requests', { into: asha.account, from: (await w.wallet()).handle, amount: { amount: '5', currency: 'INR' } });
    const { page, context } = await portal(asha);
    await page.goto(`${base}/wallet/accounts/${asha.account}`);
    await page.getByRole('link', { name: 'Close this account' }).click();
    await page.getByRole('heading', { level: 1, name: 'Close this account?' }).waitFor();
    for (const text of ['₹1,234.56 goes to the account that you choose', '1 open request ends', 'None is running', `${asha.handle} stays yours`]) {
      await page.getByText(text).waitFor();
    }
    expect(await width(page)).toBe(NARROW.width);
    await page.getByRole('link', { name: 'Keep the account' }).click();
    await page.getByRole('link', { name: 'Pay', exact: true }).waitFor();
    await page.goBack();
    await page.getByLabel('Where what is left goes').selectOption(into as string);
    await page.getByRole('button', { name: 'Close the account' }).click();
    await page.getByRole('heading', { level: 1, name: 'This account is closed.' }).waitFor();
    await page.getByText('Requests that ended with it: 1. Scheduled payments that were stopped: 0.').waitFor();
    await page.getByText('Closing balance, to @savings.of.asha').waitFor();
    expect(await page.locator('form[action*="/wallet/"]').count()).toBe(0);
    for (const name of ['Pay', 'Ask for money', 'Add money', 'Send to a bank', 'Close this account']) {
      expect(await page.getByRole('link', { name, exact: true }).count(), name).toBe(0);
    }
    expect(await width(page)).toBe(NARROW.width);
    await page.getByRole('link', { name: 'Statements' }).click();
    await page.getByText('Balance at the end').waitFor();
    await page.getByText('To print (PDF)').waitFor();
    for (const way of ['pay', 'ask', 'add', 'withdraw', 'plan']) {
      await page.goto(`${base}/wallet/accounts/${asha.account}/${way}`);
      await page.getByRole('heading', { level: 1, name: 'This account is closed.' }).waitFor();
    }
    await page.goto(`${base}/wallet`);
    await page.getByRole('heading', { level: 2, name: 'Closed accounts' }).waitFor();
    await page.getByRole('link', { name: new RegExp(`^${asha.handle}, closed on `) }).waitFor();
    await page.getByText('You have ₹1,234.56 in 2 accounts.').waitFor();
    await h.settle();
    await page.goto(`${base}/notifications`);
    await page.getByText('Your account in INR was closed').waitFor();
    await page.getByText('Its closing balance, ₹1,234.56, went to another account of yours. Requests for money that ended with it: 1.').waitFor();
    await context.close();
  });

  it('reads the amount in one line, however long the name of the other account is', { timeout: 60_000 }, async () => {
    const asha = await w.wallet(123_456);
    const into = await w.another(asha.who);
    const { page, context } = await portal(asha);
    await page.goto(`${base}/wallet/accounts/${asha.account}/close`);
    await page.getByRole('button', { name: 'Close the account' }).click();
    await page.getByText(`Closing balance, to Account in INR •••• ${into.slice(-4)}`).waitFor();
    expect(await page.getByText(into).count()).toBe(0);
    // Of its text: the cell itself is as high as the row.
    const lines = (cell: Element): number => {
      const range = document.createRange();
      range.selectNodeContents(cell);
      return new Set([...range.getClientRects()].map((r) => Math.round(r.top))).size;
    };
    expect(await page.locator('td.amount', { hasText: '1,234.56' }).first().evaluate(lines)).toBe(1);
    expect(await width(page)).toBe(NARROW.width);
    await context.close();
  });

  it('is told why it does not go, in their language, and that nothing was changed', { timeout: 60_000 }, async () => {
    const asha = await w.wallet(500);
    const { page, context } = await portal(asha);
    await page.goto(`${base}/wallet/accounts/${asha.account}/close?lang=hi`);
    await page.getByRole('heading', { level: 1, name: 'यह खाता अभी बंद नहीं हो सकता।' }).waitFor();
    expect(await width(page)).toBe(NARROW.width);
    await page.goto(`${base}/wallet/accounts/${asha.account}/close?lang=en`);
    await page.getByRole('link', { name: 'Open another account' }).waitFor();
    await w.another(asha.who);
    await page.reload();
    // Between the look and the yes money goes on its way.
    await w.post(asha.who, '/wallet/withdrawals', { account: asha.account, amount: { amount: '100', currency: 'INR' }, bank: 'DEMO0000000001' });
    await page.getByRole('button', { name: 'Close the account' }).click();
    await page.getByText('Nothing was changed.').waitFor();
    await page.getByText('still on its way to or from a bank').waitFor();
    await page.getByRole('link', { name: 'Look again' }).click();
    await page.getByText('Wait until the bank has answered.').waitFor();
    await context.close();
  });
});
