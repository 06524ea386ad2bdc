import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Uuid } from '#kernel';
import { systemClock } from '#kernel';
import { ensureMachine, signatureHeaders } from '#spine/identity';
import { openAccounts } from '#spine/ledger';
import { books, house, inr, operatorOf, somebody, type House, type MadeOperator } from '#test';
import { has } from '../parts.ts';
import { chromiumPath, CHROMIUM_ARGS } from './chromium.ts';
import { builtAssets } from './pages.ts';
import { shot } from './rooms.ts';

const require = createRequire(import.meta.url);
const axeSource = readFileSync(createRequire(require.resolve('@axe-core/playwright')).resolve('axe-core/axe.min.js'), 'utf8');
declare const axe: { run(context: unknown, options: unknown): Promise<{ violations: { id: string; nodes: { target: string[]; html: string }[] }[] }> };
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const DESK = { width: 1280, height: 900 };
const NARROW = { width: 320, height: 640 };

describe.runIf(has('chromium'))('the console', () => {
  let h: House, browser: Browser, context: BrowserContext, page: Page, base: string, operator: MadeOperator;
  let till: Uuid, wallet: Uuid, subject: Uuid, line: string;
  const faults: string[] = [];
  const person = somebody();

  beforeAll(async () => {
    h = await house({ serve: ['IN'], transport: 'http', assets: await builtAssets() });
    base = `http://india.localhost:${h.program.port}`;
    operator = await operatorOf(h);
    const b = await books(h);
    wallet = await b.open('wallet');
    const opened = await h.perform('india', (tx) => openAccounts(tx.section, [{ code: 'bank', currency: 'INR' }]));
    if (!opened.ok) throw new Error(opened.problem.code);
    till = opened.value[0] as Uuid;
    for (let i = 1; i <= 3; i++) await b.move({ kind: 'transfer', debit: till, credit: wallet, amount: inr(i * 1_234_567), ref: `pay ${i}` });
    const key = await h.perform('india', (tx) => ensureMachine(tx, 'authority', ['taxrefund:feed']));
    const event = (id: string): string => JSON.stringify({
      kind: 'event', identifier: person.identifier, year: 2026, returnNo: 1, source: 'cpc', sourceEventId: id, sourceVersion: 1, occurredAt: '2026-08-01T10:00:00Z', code: 'IN_FILED_UNVERIFIED', facts: {},
    });
    const send = (ndjson: string): Promise<unknown> => h.request({ path: '/api/tax-refunds/feed', ndjson, headers: signatureHeaders(key, 'POST /api/tax-refunds/feed', ndjson, systemClock.now().getTime()) });
    await send(event('too-early'));
    subject = await h.enrol(person);
    await send(event('in-time'));
    [{ line }] = (await h.request({ path: '/api/tax-refunds/quarantine', cookies: operator.cookies })).json<{ lines: [{ line: string }] }>().lines;
    browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGS });
    context = await browser.newContext({ viewport: DESK, reducedMotion: 'reduce' });
    await context.addCookies([{ name: 'xq_operator', value: operator.cookies.xq_operator ?? '', url: base }]);
    page = await context.newPage();
    page.on('console', (message) => { if (message.type() === 'error') faults.push(message.text()); });
    page.on('pageerror', (error) => faults.push(String(error)));
  });
  afterAll(async () => {
    await browser?.close();
    await h.stop();
  });

  const heading = (name: string | RegExp): Promise<void> => page.getByRole('heading', { level: 1, name }).waitFor();
  const check = (): Promise<string[]> => page.evaluate(async (tags) => {
    const { violations } = await axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] });
    return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')} ${n.html.slice(0, 120)}`));
  }, TAGS);

  it('leads whoever is signed out to the sign-in, and a person nowhere', async () => {
    const asked = await h.request({ path: '/console/audit?action=x', headers: { accept: 'text/html' } });
    expect([asked.status, asked.headers.location]).toEqual([303, `/operator/sign-in?then=${encodeURIComponent('/console/audit?action=x')}`]);
    const who = await h.signIn();
    expect((await h.request({ path: '/console', headers: { accept: 'text/html' }, cookies: who.cookies })).status).toBe(403);
  });

  it('shows the rooms of the role and finds one by name', { timeout: 60_000 }, async () => {
    await page.goto(`${base}/console`);
    await heading('Console');
    expect(await page.locator('.rail a').allInnerTexts()).toEqual(['Alerts', 'Feed health', 'Quarantine', 'KYC queue', 'End of day', 'Accounts', 'Transfers', 'Trial balance', 'Messages', 'Announcements', 'Texts', 'Event log', 'Subscribers', 'Jobs', 'Sagas', 'For developers', 'Webhooks', 'Limits', 'Caches',
      'Audit search', 'Operators', 'Machines']);
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill('trial');
    await page.keyboard.press('Enter');
    await heading('Trial balance');
    expect(new URL(page.url()).pathname).toBe('/console/trial');
    await page.getByText('Both sides are equal.').waitFor();
  });

  it('follows a balance to its request, and the address opens it again', { timeout: 60_000 }, async () => {
    await page.goto(`${base}/console/accounts`);
    await page.getByRole('link', { name: 'wallet', exact: true }).click();
    await page.locator('.grid a').first().click();
    await heading(`Account acc_${wallet}`);
    await page.getByText('Why do you look at this?').waitFor();
    await page.getByLabel('Purpose').selectOption('complaint');
    await page.getByRole('button', { name: 'Look' }).click();
    await page.getByRole('link', { name: 'Explain' }).click();
    await heading('Why this balance');
    await page.reload();
    await page.getByText('INR 74,074.02').first().waitFor();
    await page.locator('.grid a').first().click();
    await heading(/^Transfer trf_/);
    await page.getByText('ledger.posted').first().waitFor();
    await page.locator('.facts a[href*="/audit?trace="]').click();
    await heading('Audit search');
    await page.getByText('ledger.posted').first().waitFor();
    const looks = await h.sql('IN', 'superuser')<{ detail: string }>("select detail from audit.entry where action = 'ledger.looked' and result = 'done' and detail is not null");
    expect(new Set(looks.map((l) => l.detail))).toEqual(new Set(['{"purpose":"complaint"}']));
  });

  it('finds a transfer by its name', { timeout: 60_000 }, async () => {
    await page.goto(`${base}/console/transfers?q=pay+2`);
    await heading(/^Transfer trf_/);
    await page.goto(`${base}/console/transfers?account=acc_${till}&least=20000`);
    await page.getByText('INR 37,037.01').first().waitFor();
    expect(await page.locator('.grid tbody tr').count()).toBe(2);
    await page.goto(`${base}/console/transfers?account=acc_${till}&exact=37037.01`);
    await page.getByText('INR 37,037.01').first().waitFor();
    expect(await page.locator('.grid tbody tr').count()).toBe(1);
  });

  it('finds transfers of all accounts by amount and time, for a purpose', { timeout: 60_000 }, async () => {
    await page.goto(`${base}/console/transfers`);
    await page.getByLabel('Exactly this amount').fill('24,691.34');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByLabel('Purpose').selectOption('review');
    await page.getByRole('button', { name: 'Look', exact: true }).click();
    await page.getByRole('cell', { name: 'INR 24,691.34' }).waitFor();
    expect(await page.locator('.grid tbody tr').count()).toBe(1);
    await shot(page, 'transfers-all');
    // The address holds the search: an amount in a range, of a currency, in a time.
    await page.goto(`${base}/console/transfers?least=20000&most=40000&currency=INR&purpose=review`);
    await page.getByRole('cell', { name: 'INR 37,037.01' }).waitFor();
    expect(await page.locator('.grid tbody tr').count()).toBe(2);
    await page.locator('.grid a').first().click();
    await heading(/^Transfer trf_/);
    await page.goto(`${base}/console/transfers?from=2020-01-01T00:00&to=2020-02-01T00:00&purpose=review`);
    await page.getByText('No transfer fits.').waitFor();
    await page.goto(`${base}/console/transfers?from=2020-01-01T00:00&to=2019-02-01T00:00&purpose=review`);
    await page.getByText('“From” must be before “To”').waitFor();
  });

  it('keeps filters under a name, without the purpose of the look, and brings them back', { timeout: 60_000 }, async () => {
    await page.goto(`${base}/console/transfers?exact=24691.34&purpose=review`);
    await page.getByRole('cell', { name: 'INR 24,691.34' }).waitFor();
    await page.getByLabel('Name for these filters').fill('The second payment');
    await page.getByRole('button', { name: 'Keep as a view' }).click();
    await page.getByRole('button', { name: 'The second payment', exact: true }).waitFor();
    await page.goto(`${base}/console/transfers`);
    await page.getByRole('button', { name: 'The second payment', exact: true }).click();
    await page.getByLabel('Purpose').waitFor();
    expect(new URL(page.url()).search).toBe('?exact=24691.34');
    await shot(page, 'transfers-view');
    await page.getByRole('button', { name: 'Remove the view The second payment' }).click();
    await page.getByRole('button', { name: 'The second payment', exact: true }).waitFor({ state: 'detached' });
  });

  it('takes times in the zone of the tenant, and saves what is seen', { timeout: 60_000 }, async () => {
    const asked = page.waitForRequest((r) => r.url().includes('/api/audit/facts'));
    await page.goto(`${base}/console/audit?action=ledger.posted&from=2020-01-01T00:00`);
    expect(new URL((await asked).url()).searchParams.get('from')).toBe('2019-12-31T18:30:00.000Z');
    await page.getByText(/GMT\+5:30|IST/).first().waitFor();
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save this table (CSV)' }).click()]);
    const text = readFileSync(await download.path(), 'utf8');
    expect(text.split('\r\n')[0]).toBe('\ufeffWhen,Who,What,Result,About,On,Took,More');
    expect(text).toContain('ledger.posted');
  });

  it('shows by which address and browser things were done to whoever looks at a person for a purpose', { timeout: 60_000 }, async () => {
    await page.goto(`${base}/console/audit?subject=${subject}`);
    await page.getByLabel('Purpose').selectOption('complaint');
    await page.getByRole('button', { name: 'Look', exact: true }).click();
    await page.getByRole('columnheader', { name: 'Address and browser' }).waitFor();
    const device = page.locator('td details').filter({ hasText: 'Mozilla/5.0' }).first();
    expect((await device.innerText()).trim()).toBe('127.0.0.1');
    await device.locator('summary').click();
    expect(await device.innerText()).toMatch(/^127\.0\.0\.1\s+Mozilla\/5\.0/);
    await page.getByRole('cell', { name: /^[\d,.]+ ms$/ }).first().waitFor();
    await shot(page, 'audit-person');
    await page.goto(`${base}/console/audit?resource=nothing+bears+this`);
    await page.getByText('No fact fits.').waitFor();
    expect(await page.getByLabel('On', { exact: true }).inputValue()).toBe('nothing bears this');
  });

  it('walks tables by arrow keys, and the address keeps what was filtered', { timeout: 60_000 }, async () => {
    await page.goto(`${base}/console/trial`);
    await page.locator('.grid a').first().focus();
    await page.keyboard.press('ArrowDown');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('wallet');
    await page.keyboard.press('Enter');
    await heading('Accounts');
    expect(new URL(page.url()).search).toBe('?code=wallet&currency=INR');
  });

  it('takes a line out of quarantine again', { timeout: 60_000 }, async () => {
    await page.goto(`${base}/console/feed`);
    await page.getByRole('link', { name: 'unknown person' }).click();
    await page.locator('.grid a').first().click();
    await page.getByLabel('Purpose').selectOption('correction');
    await page.getByRole('button', { name: 'Look' }).click();
    await page.getByText('"sourceEventId": "too-early"').waitFor();
    await page.getByRole('button', { name: 'Take this line again' }).click();
    await page.getByText('The line was taken.').waitFor();
    await page.getByRole('link', { name: 'All lines' }).click();
    await page.getByText('Nothing waits in quarantine.').waitFor();
  });

  it('is accessible in every room, light and dark, in Hindi and at 320 px, without an error or a broken rule of the page', { timeout: 120_000 }, async () => {
    const story = (await h.request({ path: `/api/ledger/transfers?ref=pay+1`, cookies: operator.cookies })).json<{ transfer: string }>().transfer;
    const rooms = [
      '', '/feed', '/quarantine', `/quarantine/${line}`, `/quarantine/${line}?purpose=review`, '/accounts?code=wallet&currency=INR', `/accounts/acc_${wallet}`, `/accounts/acc_${wallet}?purpose=review`,
      `/accounts/acc_${wallet}/explain?purpose=review`, '/transfers', '/transfers?exact=24691.34&purpose=review', `/transfers/${story}?purpose=review`, '/transfers?least=1&purpose=review', '/trial', '/audit', '/audit?action=none', `/audit?subject=${subject}&purpose=review`, '/operators', '/no-such-room',
    ];
    const found: string[] = [];
    for (const [i, room] of rooms.entries()) {
      const hindi = i % 2 === 1;
      await page.setViewportSize(DESK);
      await page.goto(`${base}/console${room}${room.includes('?') ? '&' : '?'}lang=${hindi ? 'hi' : 'en'}&theme=${hindi ? 'dark' : 'light'}`);
      await page.locator('h1').waitFor();
      await page.waitForLoadState('networkidle');
      await page.evaluate(axeSource);
      found.push(...(await check()).map((f) => `${room}: ${f}`));
      await page.setViewportSize(NARROW);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) found.push(`${room}: ${wide} px too wide at 320`);
      expect(new URL(page.url()).searchParams.has('lang')).toBe(false);
    }
    await page.setViewportSize(DESK);
    await page.goto(`${base}/console?lang=en&theme=light`);
    await heading('Console');
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').waitFor();
    await page.evaluate(axeSource);
    found.push(...(await check()).map((f) => `palette: ${f}`));
    await page.keyboard.press('Escape');
    await page.getByRole('combobox').waitFor({ state: 'detached' });
    expect(found).toEqual([]);
    // What a route refuses for want of a purpose the browser notes as well; anything else would be a fault of ours.
    expect(faults.filter((f) => !/status of 422/.test(f))).toEqual([]);
  });

  it('says which permission a room needs, and signs out everywhere at once', { timeout: 60_000 }, async () => {
    const accountant = await operatorOf(h, 'accountant');
    await context.addCookies([{ name: 'xq_operator', value: accountant.cookies.xq_operator ?? '', url: base }]);
    await page.goto(`${base}/console/audit`);
    await page.getByText('audit:read').waitFor();
    expect(await page.locator('.rail a').allInnerTexts()).toEqual(['End of day', 'Accounts', 'Transfers', 'Trial balance']);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL((url) => url.pathname === '/operator/sign-in');
    expect((await h.request({ path: '/api/operators/me', cookies: accountant.cookies })).status).toBe(401);
  });
});
