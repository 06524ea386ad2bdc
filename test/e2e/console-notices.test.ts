import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { provide } from '#kernel';
import { Providers } from '#platform/notify/port';
import { house, operatorOf, somebody, wallets, type House } from '#test';
import { has } from '../parts.ts';
import { chromiumPath, CHROMIUM_ARGS } from './chromium.ts';
import { builtAssets } from './pages.ts';
import { consolePage, shot, violationsOn, walkRooms } from './rooms.ts';

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

  const write = async (on: Page, title: string): Promise<void> => {
    await on.goto(`${base}/console/announcements`);
    const form = on.locator('form.card');
    for (const language of ['en', 'hi']) {
      const fields = form.locator(`fieldset[lang=${language}]`);
      await fields.getByLabel('Title').fill(language === 'en' ? title : 'मसौदा');
      await fields.getByLabel('Body').fill('{{ office }}');
      await fields.getByLabel('Text message').fill('draft');
    }
    await form.getByLabel('Nobody is told after').fill('2099-01-02T03:04');
    await form.getByRole('button', { name: 'Keep as a draft' }).click();
    await on.getByRole('heading', { level: 1, name: title }).waitFor();
  };
  const english = (on: Page, label = 'Title') => on.locator('form.card fieldset[lang=en]').getByLabel(label);

  it('changes a draft by keyboard, in the form that it was written in', { timeout: 90_000 }, async () => {
    await write(page, 'Shut on Sunday');
    await page.getByRole('button', { name: 'Change it' }).focus();
    await page.keyboard.press('Enter');
    // Whoever reads by ear is led to the form; nothing is begun while it is open.
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Change it');
    expect(await page.getByRole('button', { name: /Start|Throw away/ }).count()).toBe(0);
    const form = page.locator('form.card');
    expect([await english(page).inputValue(), await english(page, 'Body').inputValue(), await form.getByLabel('People a minute').inputValue(),
      await form.getByLabel('Nobody is told after').inputValue()]).toEqual(['Shut on Sunday', '{{ office }}', '600', '2099-01-02T03:04']);
    await page.keyboard.press('Tab');
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type('Shut on Monday');
    await form.getByLabel('Whom it finds').selectOption('persons');
    await form.getByLabel('Ids of people').fill('a'.repeat(32));
    await english(page, 'Body').fill('{{ phone }}');
    await form.getByRole('button', { name: 'Keep the change' }).click();
    await page.getByText('English, Body: there is no value phone').waitFor();
    await english(page, 'Body').fill('{{ office }}!');
    await page.locator('form.card fieldset[lang=hi]').getByLabel('Body').fill('{{ office }}।');
    expect(await violationsOn(page)).toEqual([]);
    await shot(page, 'announcement-changing');
    await form.getByRole('button', { name: 'Keep the change' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('The draft was changed.').waitFor();
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Change it');
    await page.getByRole('heading', { level: 1, name: 'Shut on Monday' }).waitFor();
    await page.getByText('About 1 people would be told').waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Change it' }).click();
    expect([await english(page).inputValue(), await page.getByLabel('Ids of people').inputValue()]).toEqual(['Shut on Monday', 'a'.repeat(32)]);
    await page.getByRole('button', { name: 'Leave it as it was' }).click();
    await page.getByRole('button', { name: 'Start' }).waitFor();
  });

  it('lets nobody write over another’s words unseen, and keeps what was typed', { timeout: 120_000 }, async () => {
    await write(page, 'First words');
    const other = await consolePage(browser, await operatorOf(h), base, faults);
    for (const on of [page, other]) {
      if (on === other) await on.goto(page.url());
      await on.getByRole('button', { name: 'Change it' }).click();
    }
    const keep = (on: Page): Promise<void> => on.getByRole('button', { name: 'Keep the change' }).click();
    await english(other).fill('Their words');
    await keep(other);
    await other.getByText('The draft was changed.').waitFor();
    await english(page).fill('My words');
    await keep(page);
    await page.getByText('Somebody else changed this draft meanwhile', { exact: true }).waitFor();
    await page.getByRole('alert').getByText('Their words').waitFor();
    expect(await english(page).inputValue()).toBe('My words');
    expect(await violationsOn(page)).toEqual([]);
    await shot(page, 'announcement-overtaken');
    await page.getByRole('button', { name: 'Go on from theirs' }).click();
    expect(await english(page).inputValue()).toBe('Their words');
    await english(page).fill('Both our words');
    await keep(page);
    await page.getByRole('heading', { level: 1, name: 'Both our words' }).waitFor();
    // The other one still sees the words of before: a draft that changed is not begun unseen, and with one's own words in its place it is kept.
    await other.getByRole('button', { name: 'Change it' }).click();
    await english(other).fill('Last words');
    await keep(other);
    await other.getByRole('alert').getByText('Both our words').waitFor();
    await other.getByRole('button', { name: 'Go on with mine in its place' }).click();
    await keep(other);
    await other.getByRole('heading', { level: 1, name: 'Last words' }).waitFor();
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByText('Somebody else changed this draft meanwhile.').waitFor();
    await page.getByRole('heading', { level: 1, name: 'Last words' }).waitFor();
    // Thrown away while somebody types: what was typed is still there.
    await page.getByRole('button', { name: 'Change it' }).click();
    await english(page).fill('Too late');
    await other.getByRole('button', { name: 'Throw away' }).click();
    await other.getByRole('button', { name: 'Yes, throw “Last words” away' }).click();
    await other.getByRole('heading', { level: 1, name: 'Announcements' }).waitFor();
    await other.locator('table').getByText('Shut on Monday').waitFor();
    expect(await other.locator('table').getByText('Last words').count()).toBe(0);
    await keep(page);
    await page.getByText('There is no such campaign.').first().waitFor();
    expect(await english(page).inputValue()).toBe('Too late');
    await page.getByRole('button', { name: 'Leave it as it was' }).click();
    await page.getByText('There is no such announcement here.').waitFor();
    await other.context().close();
  });

  it('shows announcements to whoever may only look, and lets them change none', { timeout: 60_000 }, async () => {
    const looking = await consolePage(browser, await operatorOf(h, 'auditor'), base, faults);
    await looking.goto(`${base}/console/announcements`);
    await looking.locator('table a').first().click();
    await looking.getByText('What it says').waitFor();
    expect(await looking.getByRole('button', { name: /Start|Stop|Pause|Go on|Change|Throw/ }).count()).toBe(0);
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

  it('is accessible, light and dark, in Hindi and at 320 px', { timeout: 180_000 }, async () => {
    const [row] = await h.sql()<{ id: string }>("select replace(id::text, '-', '') as id from notify.message limit 1");
    const [stopped, draft] = await h.sql()<{ id: string }>("select replace(id::text, '-', '') as id from notify.campaign order by state = 'draft'");
    expect(await walkRooms(page, base, ['/messages', '/messages?state=dead', `/messages/msg_${row?.id}`, '/announcements', `/announcements/cmp_${stopped?.id}`, `/announcements/cmp_${draft?.id}`, '/texts'])).toEqual([]);
    expect(faults.filter((f) => !/status of (404|409|422)|ERR_FAILED/.test(f))).toEqual([]);
  });
});
