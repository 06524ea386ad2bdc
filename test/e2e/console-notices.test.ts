import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { provide } from '#kernel';
import { Providers } from '#platform/notify/port';
import { house, operatorOf, somebody, wallets, type House } from '#test';
import { has } from '../parts.ts';
import { chromiumPath, CHROMIUM_ARGS } from './chromium.ts';
import { builtAssets } from './pages.ts';
import { consolePage, shot, walkRooms } from './rooms.ts';

describe.runIf(has('chromium'))('notices in the console', () => {
  let h: House, browser: Browser, base: string, page: Page;
  const faults: string[] = [];
  beforeAll(async () => {
    h = await house({ serve: ['IN'], transport: 'http', assets: await builtAssets(), limits: false,
      provided: () => [provide(Providers, () => ({ text: [h.messages], email: [], push: [] }))] });
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

  it('writes an announcement, looks at it in both languages, and steers it', { timeout: 90_000 }, async () => {
    await page.goto(`${base}/console/announcements`);
    await page.getByRole('heading', { level: 1, name: 'Announcements' }).waitFor();
    await page.getByText('Nothing was announced yet.').waitFor();
    const write = page.locator('form.card');
    for (const [language, title, body, text] of [['en', 'Closed on Friday', '{{ office }} is closed.', 'closed on Friday.'],
      ['hi', 'शुक्रवार को बंद', '{{ office }} बंद है।', 'शुक्रवार को बंद।']] as const) {
      const fields = write.locator(`fieldset[lang=${language}]`);
      await fields.getByLabel('Title').fill(title);
      await fields.getByLabel('Body').fill(language === 'hi' ? body.replace('office', 'phone') : body);
      await fields.getByLabel('Text message').fill(text);
    }
    await write.getByRole('button', { name: 'See it' }).click();
    await write.getByText('Hindi, Body: there is no value phone').waitFor();
    await write.locator('fieldset[lang=hi]').getByLabel('Body').fill('{{ office }} बंद है।');
    await write.getByRole('button', { name: 'See it' }).click();
    await write.getByText(`${h.tenant('india').name} is closed.`).waitFor();
    await write.getByText(`${h.tenant('india').name} बंद है।`).waitFor();
    await shot(page, 'announcements-written');
    await write.getByLabel('People a minute').fill('1');
    await write.getByRole('button', { name: 'Keep as a draft' }).click();
    await page.getByRole('heading', { level: 1, name: 'Closed on Friday' }).waitFor();
    await page.getByText('About 2 people would be told').waitFor();
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByText('It has begun.').waitFor();
    // Its people come by a job; the room looks again by itself.
    await h.runJobs();
    await page.getByText('2 of 2').first().waitFor({ timeout: 20_000 });
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Go on' }).waitFor();
    await shot(page, 'announcement-paused');
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByText('It goes on.').waitFor();
    await page.getByRole('button', { name: 'Stop for good' }).click();
    await page.getByRole('button', { name: 'Yes, stop “Closed on Friday”' }).click();
    await page.getByText('It was stopped.').waitFor();
    await page.getByRole('link', { name: 'All announcements' }).click();
    const rows = page.locator('table').first().locator('tbody tr');
    await rows.first().getByText('Stopped').waitFor();
    expect(await rows.count()).toBe(1);
  });

  it('shows announcements to whoever may only look, and lets them change none', { timeout: 60_000 }, async () => {
    const looking = await consolePage(browser, await operatorOf(h, 'auditor'), base, faults);
    await looking.goto(`${base}/console/announcements`);
    await looking.locator('table a').first().click();
    await looking.getByText('What it says').waitFor();
    expect(await looking.getByRole('button', { name: /Start|Stop|Pause|Go on/ }).count()).toBe(0);
    await looking.goto(`${base}/console/announcements/cmp_${'0'.repeat(32)}`);
    await looking.getByText('There is no such announcement here.').waitFor();
    await looking.context().close();
  });

  it('says so when announcements cannot be read', { timeout: 60_000 }, async () => {
    await page.route('**/api/notifications/office/campaigns', (r) => r.abort());
    await page.goto(`${base}/console/announcements`);
    await page.getByText('That did not work').waitFor({ timeout: 20_000 });
    await page.unroute('**/api/notifications/office/campaigns');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator('table').first().getByText('Closed on Friday').waitFor();
  });

  it('is accessible, light and dark, in Hindi and at 320 px', { timeout: 120_000 }, async () => {
    const [row] = await h.sql()<{ id: string }>("select replace(id::text, '-', '') as id from notify.message limit 1");
    const [cmp] = await h.sql()<{ id: string }>("select replace(id::text, '-', '') as id from notify.campaign");
    expect(await walkRooms(page, base, ['/messages', '/messages?state=dead', `/messages/msg_${row?.id}`, '/announcements', `/announcements/cmp_${cmp?.id}`, '/texts'])).toEqual([]);
    expect(faults.filter((f) => !/status of (404|422)|ERR_FAILED/.test(f))).toEqual([]);
  });
});
