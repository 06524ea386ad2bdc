import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '#kernel';
import { signatureHeaders, type MachineKey } from '#spine/identity';
import type { House, MadeOperator } from '#test';
import { has } from '../parts.ts';
import { openRoom, type Room, walkRooms } from './rooms.ts';

describe.runIf(has('chromium'))('the room for machines', () => {
  let room: Room, h: House, browser: Browser, page: Page, base: string, boss: MadeOperator;
  beforeAll(async () => {
    room = await openRoom();
    ({ h, browser, page, base, boss } = room);
  });
  afterAll(() => room.stop());
  const heading: Room['heading'] = (name) => room.heading(name);
  const sound: Room['sound'] = (name) => room.sound(name);
  const fed = async (key: MachineKey): Promise<number> => (await h.request({
    path: '/api/tax-refunds/feed', ndjson: '{}\n', headers: signatureHeaders(key, 'POST /api/tax-refunds/feed', '{}\n', systemClock.now().getTime()),
  })).status;
  /** Goes on by the tabulator key until something of this name has the focus. */
  const tabTo = async (name: string): Promise<void> => {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press('Tab');
      const at = await page.evaluate(() => {
        const e = document.activeElement;
        return e instanceof HTMLInputElement ? e.labels?.[0]?.innerText ?? '' : e?.getAttribute('aria-label') ?? (e as HTMLElement | null)?.innerText ?? '';
      });
      if (at.startsWith(name)) return;
    }
    throw new Error(`no way to ${name}`);
  };

  it('is found in the list of rooms; adds by the keyboard alone, shows the key once, and keeps one out', { timeout: 90_000 }, async () => {
    await page.goto(`${base}/console`);
    await page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: 'Machines' }).click();
    await heading('Machines');
    await page.getByText('No program may call yet.').waitFor();
    await page.goto(`${base}/console`);
    await page.getByRole('navigation', { name: 'Rooms' }).waitFor();
    await page.keyboard.press('Control+K');
    await page.keyboard.type('machin');
    await page.keyboard.press('Enter');
    await heading('Machines');
    await tabTo('Add and show the key');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByRole('link', { name: /^Choose at least one/ }).waitFor();
    await sound('machines-refused');
    await tabTo('Name');
    await page.keyboard.type('Central authority');
    await tabTo('taxrefund:feed');
    await page.keyboard.press('Space');
    await page.keyboard.press('Enter');
    await heading('Central authority is added');
    const [id, secret] = await page.locator('dd code').allInnerTexts() as [MachineKey['id'], string];
    await sound('machines-made');
    expect(await fed({ id, secret })).toBe(200);

    await tabTo('I have copied it');
    await page.keyboard.press('Enter');
    await heading('Machines');
    expect(await page.content()).not.toContain(secret);
    await page.getByRole('listitem').filter({ hasText: id }).getByText('Active').waitFor();
    await tabTo('Disable Central authority');
    await page.keyboard.press('Enter');
    await heading('Disable Central authority?');
    await sound('machines-question');
    expect(await fed({ id, secret })).toBe(200);
    await tabTo('Disable Central authority');
    await page.keyboard.press('Enter');
    await heading('Central authority is disabled');
    expect(await fed({ id, secret })).toBe(401);
    await page.getByRole('link', { name: 'All machines' }).click();
    await page.getByRole('listitem').filter({ hasText: id }).getByText('Disabled', { exact: true }).waitFor();
  });

  it('is whole at every width, in both languages and appearances, and without script', { timeout: 120_000 }, async () => {
    const { machines } = (await h.request({ path: '/api/machines', cookies: boss.cookies })).json<{ machines: { machine: string }[] }>();
    expect(await walkRooms(page, base, ['/machines', `/machines/${machines[0]?.machine}`])).toEqual([]);
    const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 320, height: 640 } });
    await context.addCookies([{ name: 'xq_operator', value: boss.cookies.xq_operator ?? '', url: base }]);
    const plain = await context.newPage();
    await plain.goto(`${base}/console`);
    await plain.getByRole('link', { name: 'Machines can be managed without it.' }).click();
    await plain.getByLabel('Name', { exact: true }).fill('Without script');
    await plain.getByLabel('notify:receipts').check();
    await plain.getByRole('button', { name: 'Add and show the key' }).click();
    await plain.getByRole('heading', { level: 1, name: 'Without script is added' }).waitFor();
    expect(await plain.locator('dd code').nth(1).innerText()).toMatch(/^[\w-]{43}$/);
    await context.close();
    expect(room.faults.filter((f) => !/422/.test(f))).toEqual([]);
  });
});
