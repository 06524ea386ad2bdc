import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authenticatorCode, fromBase32, newAddress, OPERATOR_PASSWORD, operatorOf, type House, type MadeOperator } from '#test';
import { has } from '../parts.ts';
import { consolePage, openRoom, type Room, walkRooms } from './rooms.ts';

describe.runIf(has('chromium'))('the room for operators', () => {
  let room: Room, h: House, browser: Browser, page: Page, base: string, boss: MadeOperator;
  beforeAll(async () => {
    room = await openRoom();
    ({ h, browser, page, base, boss } = room);
  });
  afterAll(() => room.stop());
  const heading: Room['heading'] = (name) => room.heading(name);
  const sound: Room['sound'] = (name) => room.sound(name);
  const me = async (cookies: Record<string, string>): Promise<number> => (await h.request({ path: '/api/operators/me', cookies })).status;

  it('adds one by a link that is shown once and works, and says what was refused', { timeout: 90_000 }, async () => {
    await page.goto(`${base}/console/operators`);
    await heading('Operators');
    await page.getByRole('link', { name: `${boss.name} (you)` }).waitFor();
    await page.getByLabel('Name', { exact: true }).fill(boss.name);
    await page.getByLabel('Role', { exact: true }).selectOption('auditor');
    await page.getByRole('button', { name: 'Add and make the link' }).click();
    await page.getByText('That was refused: An operator of this name is there already.').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('Kamala Venkatasubramanian');
    await page.getByRole('button', { name: 'Add and make the link' }).click();
    const shown = await page.locator('.notice code').innerText();
    expect(shown).toMatch(/^http:\/\/india\.localhost:\d+\/operator\/enrol\?link=enr_[0-9a-f]{32}\.[\w-]{43}$/);
    await page.getByRole('row', { name: /Kamala Venkatasubramanian auditor invited never/ }).waitFor();
    await sound('operators-added');
    const link = new URL(shown).searchParams.get('link') as string;
    const offered = await h.request({ path: `/api/operators/enrolment?link=${link}`, address: newAddress() });
    const code = authenticatorCode(fromBase32(offered.json<{ secret: string }>().secret));
    const enrolled = await h.request({ path: '/api/operators/enrolment/password', json: { link, password: OPERATOR_PASSWORD, code }, address: newAddress() });
    expect(enrolled.status).toBe(200);
    // Nothing of it stays: neither in the address, nor when the room is opened again.
    await page.reload();
    await page.getByRole('row', { name: /Kamala Venkatasubramanian auditor active/ }).waitFor();
    expect(await page.content()).not.toContain(link);
  });

  it('changes a role, ends sessions, disables and lets in again; oneself not', { timeout: 90_000 }, async () => {
    const other = await operatorOf(h, 'developer');
    await page.goto(`${base}/console/operators`);
    await page.getByRole('link', { name: other.name }).click();
    await heading(other.name);
    await page.getByLabel('New role').selectOption('auditor');
    await page.getByRole('button', { name: 'Change the role' }).click();
    await page.getByText('The role is changed.').waitFor();
    expect((await h.request({ path: '/api/operators/me', cookies: other.cookies })).json()).toMatchObject({ role: 'auditor' });
    await page.getByRole('button', { name: 'End their sessions' }).click();
    await page.getByText('Their sessions have ended.').waitFor();
    expect(await me(other.cookies)).toBe(401);
    await page.getByRole('button', { name: 'Disable' }).click();
    await page.getByText(`${other.name} is out.`).waitFor();
    await page.getByRole('button', { name: 'Enable' }).waitFor();
    await sound('operators-disabled');
    await page.getByRole('button', { name: 'Enable' }).click();
    await page.getByText(`${other.name} may sign in again.`).waitFor();
    await page.getByRole('button', { name: 'Make a new link' }).click();
    await page.getByText(`Link for ${other.name}`).waitFor();
    await sound('operators-link');
    await page.getByRole('link', { name: 'All operators' }).click();
    await page.getByRole('link', { name: `${boss.name} (you)` }).click();
    await page.getByText('This is you.').waitFor();
    expect(await page.getByRole('button', { name: 'Disable' }).count()).toBe(0);
    await page.getByRole('link', { name: 'What they did' }).click();
    await heading('Audit search');
    await page.getByRole('cell', { name: 'operators.disabled' }).first().waitFor();
  });

  it('is readable by whoever may read only, at every width, in both languages and appearances', { timeout: 120_000 }, async () => {
    const auditor = await operatorOf(h, 'auditor');
    const reader = await consolePage(browser, auditor, base, room.faults);
    await reader.goto(`${base}/console/operators`);
    await reader.getByRole('link', { name: boss.name }).click();
    await reader.getByRole('heading', { level: 1, name: boss.name }).waitFor();
    expect(await reader.getByRole('button', { name: /Disable|Change|link/ }).count()).toBe(0);
    await reader.goto(`${base}/console/operators`);
    await reader.getByRole('row', { name: /Kamala/ }).waitFor();
    expect(await reader.getByRole('button', { name: 'Add and make the link' }).count()).toBe(0);
    await reader.context().close();
    const listed = (await h.request({ path: '/api/operators', cookies: boss.cookies })).json<{ operators: { operator: string; name: string }[] }>().operators;
    const kamala = listed.find((o) => o.name.startsWith('Kamala'))?.operator as string;
    const addresses = ['/operators', `/operators/${kamala}`, `/operators/opr_${'0'.repeat(32)}`];
    expect(await walkRooms(page, base, addresses)).toEqual([]);
    for (const [lang, theme] of [['en', 'light'], ['hi', 'dark']] as const) {
      await page.setViewportSize({ width: 390, height: 844 });
      for (const address of addresses.slice(0, 2)) {
        await page.goto(`${base}/console${address}?lang=${lang}&theme=${theme}`);
        await page.getByRole('heading', { level: 2 }).first().waitFor();
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
        await sound(`operators-390-${lang}-${address.length}`);
      }
    }
    expect(room.faults.filter((f) => !/409/.test(f))).toEqual([]);
  });
});
