import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { house, operatorOf, somebody, wallets, type House } from '#test';
import { has } from '../parts.ts';
import { chromiumPath, CHROMIUM_ARGS } from './chromium.ts';
import { builtAssets } from './pages.ts';
import { consolePage, walkRooms } from './rooms.ts';

describe.runIf(has('chromium'))('notices in the console', () => {
  let h: House, browser: Browser, base: string, page: Page;
  const faults: string[] = [];
  beforeAll(async () => {
    h = await house({ serve: ['IN'], transport: 'http', assets: await builtAssets(), limits: false });
    base = `http://india.localhost:${h.program.port}`;
    const w = wallets(h);
    const [from, to] = [await w.wallet(100_000, somebody()), await w.wallet()];
    await w.send(from, to, 12_345);
    await h.settle();
    browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGS });
    page = await consolePage(browser, await operatorOf(h), base, faults);
  });
  afterAll(async () => {
    await browser?.close();
    await h.stop();
  });

  it('says of each message what became of it, and why', { timeout: 60_000 }, async () => {
    await page.goto(`${base}/console/messages`);
    await page.getByRole('heading', { level: 1, name: 'Messages' }).waitFor();
    await page.getByText('wallet.received').first().waitFor();
    const rows = await page.locator('table').first().locator('tbody tr').allInnerTexts();
    expect(rows.some((r) => r.includes('Inbox') && r.includes('Delivered'))).toBe(true);
    expect(rows.some((r) => r.includes('Mail') && r.includes('Not sent') && r.includes('No provider is set up'))).toBe(true);
    await page.getByLabel('State').selectOption('suppressed');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.waitForURL(/state=suppressed/);
    await page.locator('table').first().locator('tbody a').first().click();
    await page.getByText('It was not tried.').waitFor();
    await page.getByText('Not sent', { exact: true }).waitFor();
  });

  it('lets an office change its texts after a look at them', { timeout: 60_000 }, async () => {
    await page.goto(`${base}/console/texts`);
    const card = page.locator('form').filter({ hasText: 'wallet.received' });
    await card.getByLabel('Title').first().fill('In: {{ amount | money: currency }}');
    await card.getByRole('button', { name: 'See it' }).click();
    await card.getByText('In: ₹1,234.56').waitFor();
    await card.getByLabel('Title').first().fill('In: {{ phone }}');
    await card.getByRole('button', { name: 'Use these texts' }).click();
    await card.getByText('English, Title: there is no value phone').waitFor();
    await card.getByLabel('Title').first().fill('In: {{ amount | money: currency }}');
    await card.getByRole('button', { name: 'Use these texts' }).click();
    await page.getByText('Own, version 1').waitFor();
  });

  it('is accessible, light and dark, in Hindi and at 320 px', { timeout: 120_000 }, async () => {
    const [row] = await h.sql()<{ id: string }>("select replace(id::text, '-', '') as id from notify.message limit 1");
    expect(await walkRooms(page, base, ['/messages', '/messages?state=dead', `/messages/msg_${row?.id}`, '/texts'])).toEqual([]);
    expect(faults.filter((f) => !f.includes('422'))).toEqual([]);
  });
});
