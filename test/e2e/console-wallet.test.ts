import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { civilDate, newTrace } from '#kernel';
import { house, importSanctions, operatorOf, somebody, testTenants, wallets, type House, type MadeOperator, type SignedIn } from '#test';
import { closeDay } from '../../src/apps/eod.ts';
import { has } from '../parts.ts';
import { chromiumPath, CHROMIUM_ARGS } from './chromium.ts';
import { builtAssets } from './pages.ts';
import { consolePage, walkRooms } from './rooms.ts';

describe.runIf(has('chromium'))('the console of a bank', () => {
  let h: House, browser: Browser, base: string, first: MadeOperator, second: MadeOperator, page: Page, other: Page;
  let plain: string, like: string;
  const faults: string[] = [];
  const png = (text: string): Buffer => Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from(text)]);

  /** A case with one document, of a person with a name of their own. */
  async function caseOf(name: string): Promise<string> {
    const who: SignedIn = await h.signIn({ ...somebody(), name });
    const w = wallets(h);
    await w.post(who, '/wallet/accounts', { currency: 'INR' });
    const made = await w.post(who, '/wallet/kyc/documents', { kind: 'identity', type: 'image/png', data: png(`paper of ${name}`).toString('base64') });
    return made.json<{ case: { case: string } }>().case.case;
  }
  const pageOf = (operator: MadeOperator, at = base): Promise<Page> => consolePage(browser, operator, at, faults);
  const heading = (name: string | RegExp, on = page): Promise<void> => on.getByRole('heading', { level: 1, name }).waitFor();
  const looks = async (id: string): Promise<number> =>
    (await h.sql('IN', 'superuser')("select 1 from audit.entry where action = 'wallet.case-viewed' and result = 'done' and resource = $1", [id])).length;

  beforeAll(async () => {
    const tenants = testTenants.map((t) => (t.slug === 'india' ? { ...t, products: ['taxrefund', 'wallet'] } : t));
    h = await house({ serve: ['IN'], transport: 'http', assets: await builtAssets(), tenants, limits: false });
    base = `http://india.localhost:${h.program.port}`;
    [first, second] = [await operatorOf(h), await operatorOf(h, 'compliance')];
    const file = join(h.folder, 'list.csv');
    writeFileSync(file, '\ufeffid,schema,name,aliases,birth_date\nQ1,Person,"Qadirov, Zoltán Imre",Zoltan Kadyrov,\n');
    await importSanctions(h.cell(), h.tenant(), { actor: { kind: 'system', name: 'test' }, trace: newTrace() }, file);
    [plain, like] = [await caseOf('Kamala Devi'), await caseOf('Zoltan Qadirov')];
    browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGS });
    [page, other] = [await pageOf(first), await pageOf(second)];
  });
  afterAll(async () => {
    await browser?.close();
    await h.stop();
  });

  it('shows each room to its role only, and where wallets are turned on', { timeout: 60_000 }, async () => {
    await page.goto(`${base}/console`);
    await heading('Console');
    expect(await page.locator('.rail a').allInnerTexts())
      .toEqual(['Alerts', 'Feed health', 'Quarantine', 'KYC queue', 'End of day', 'Accounts', 'Transfers', 'Trial balance', 'Messages', 'Announcements', 'Texts', 'Event log', 'Subscribers', 'Jobs', 'Sagas', 'For developers', 'Webhooks', 'Limits', 'Caches', 'Audit search', 'Operators', 'Machines']);
    await other.goto(`${base}/console/eod`);
    await other.getByText('wallet:eod').waitFor();
    expect(await other.locator('.rail a').allInnerTexts()).toEqual(['KYC queue']);
    const elsewhere = `http://other.localhost:${h.program.port}`;
    const without = await pageOf(await operatorOf(h, 'administrator', 'other'), elsewhere);
    await without.goto(`${elsewhere}/console`);
    await heading('Console', without);
    expect((await without.locator('.rail a').allInnerTexts()).slice(0, 4)).toEqual(['Alerts', 'Feed health', 'Quarantine', 'Accounts']);
  });

  it('is accessible in both rooms, empty and full, light and dark, in Hindi and at 320 px', { timeout: 120_000 }, async () => {
    expect(await walkRooms(page, base, ['/kyc', '/kyc?state=refused', `/kyc/${plain}`, `/kyc/${like}`, `/kyc/wkyc_${'0'.repeat(32)}`, '/eod', '/eod/2020-01-01'])).toEqual([]);
  });

  it('has a case approved by two different operators, and refuses the same one a second time', { timeout: 60_000 }, async () => {
    await page.goto(`${base}/console/kyc`);
    await page.locator('.grid a').first().focus();
    await page.keyboard.press('Enter');
    await heading(`Case ${plain}`);
    await page.getByText('Kamala Devi').waitFor();
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download: who they are, PNG' }).click()]);
    expect(readFileSync(await file.path())).toEqual(png('paper of Kamala Devi'));
    const again = await page.context().newPage();
    await again.goto(page.url());
    await again.getByRole('button', { name: 'Approve' }).waitFor();
    const before = await looks(plain);
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('Your approval is recorded. A second, different operator has to approve as well.').waitFor();
    expect(await page.getByRole('button', { name: 'Approve' }).count()).toBe(0);
    expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('status');
    expect(await looks(plain)).toBe(before);
    await again.getByRole('button', { name: 'Approve' }).click();
    await again.getByText('You have decided this case before. A second, different operator has to look at it.').waitFor();
    await again.close();
    await other.goto(`${base}/console/kyc/${plain}`);
    const late = await other.context().newPage();
    await late.goto(other.url());
    await late.getByRole('button', { name: 'Approve' }).waitFor();
    await other.getByRole('button', { name: 'Approve' }).click();
    await other.getByText('The case is approved: two operators agree.').waitFor();
    await late.getByLabel('Reason for a refusal').selectOption('other');
    await late.getByRole('button', { name: 'Refuse' }).click();
    await late.getByText('This was decided before you: approved. Nothing was changed.').waitFor();
    await late.close();
    await page.goto(`${base}/console/kyc?state=approved`);
    await page.locator('.grid a').first().waitFor();
    expect(await page.locator('.grid tbody tr').count()).toBe(1);
  });

  it('lets nobody be approved while a hit stands, and refuses with a reason', { timeout: 60_000 }, async () => {
    await page.goto(`${base}/console/kyc/${like}`);
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('The person is like somebody on the sanctions list (1 to be decided). Decide that first; nothing was recorded.').waitFor();
    const before = await looks(like);
    await page.getByRole('button', { name: /^Is somebody else: Qadirov/ }).click();
    await page.getByText(/^Recorded: Qadirov, Zoltán Imre, somebody else\.$/).waitFor();
    expect(await looks(like)).toBe(before);
    await page.getByRole('button', { name: 'Refuse' }).click();
    expect(await page.getByLabel('Reason for a refusal').evaluate((e: HTMLSelectElement) => e.validity.valid)).toBe(false);
    await page.getByLabel('Reason for a refusal').selectOption('mismatch');
    await page.getByRole('button', { name: 'Refuse' }).click();
    await page.getByText('The case is refused. The person is told the reason.').waitFor();
    await page.getByText('does not fit the name or date of birth').first().waitFor();
    await page.goto(`${base}/console/kyc`);
    await page.getByText('No case waits.').waitFor();
  });

  it('closes a day: started here and seen finished, and the next one is prepared', { timeout: 60_000 }, async () => {
    await page.goto(`${base}/console/eod`);
    await page.getByText('No day was closed yet.').waitFor();
    const day = await page.getByLabel('Day').inputValue();
    await page.getByLabel('Day').fill('2099-01-01');
    await page.getByRole('button', { name: 'Start the run' }).click();
    await page.getByText(/^This day is not over yet\. The last day that can be closed is \d/).waitFor();
    const earlier = new Date(Date.parse(day) - 3 * 86_400_000).toISOString().slice(0, 10);
    await page.getByLabel('Day').fill(earlier);
    await page.getByRole('button', { name: 'Start the run' }).click();
    await heading(/^End of \d/);
    expect(new URL(page.url()).pathname).toBe(`/console/eod/${earlier}`);
    await page.getByText('The run is under way. It goes on when this page is closed.').waitFor();
    await closeDay(h.cell(), h.tenant(), { actor: { kind: 'system', name: 'test' }, trace: newTrace() }, civilDate(earlier), () => undefined);
    await page.getByText('The day is closed.').waitFor();
    await page.getByRole('link', { name: 'All runs' }).click();
    const next = new Date(Date.parse(earlier) + 86_400_000).toISOString().slice(0, 10);
    await page.locator('.grid a').first().waitFor();
    expect(await page.getByLabel('Day').inputValue()).toBe(next);
    await page.getByLabel('Day').fill(day);
    await page.getByRole('button', { name: 'Start the run' }).click();
    await page.getByText(/^Days are closed one after the other\. Close .+ first\.$/).waitFor();
  });

  it('shows a run under way with what it did so far, and no fault was noted on the way', { timeout: 120_000 }, async () => {
    const su = h.sql('IN', 'superuser');
    // A run that nobody works on: of a day whose row says that it runs, in a tenant whose newest run is another.
    const [run] = await su<{ tenant: string }>('select tenant::text as tenant from wallet.eod_run limit 1');
    await su(`insert into wallet.eod_run (tenant, day, state, reached, total, done, started_at, batch_at)
      values ($1, '2020-02-01', 'running', '00000000-0000-0000-0000-000000000000', 123456, 45678, '2020-02-02T00:00:00Z', '2020-02-02T00:00:07Z')`, [run?.tenant]);
    await su(`insert into wallet.eod_total (tenant, day, currency, accrued_micro, interest, fees, put_off)
      values ($1, '2020-02-01', 'INR', 123456789012345, 987654321, 1234500, 12), ($1, '2020-02-01', 'USD', 5, 0, 0, 0)`, [run?.tenant]);
    await page.goto(`${base}/console/eod/2020-02-01`);
    await page.getByRole('progressbar', { name: 'Accounts done' }).waitFor();
    await page.getByText('INR 98,76,543.21').waitFor();
    await page.getByText('INR 12,34,567.89012345').waitFor();
    await page.getByText('USD 0.00000005').waitFor();
    await su("update wallet.eod_run set state = 'done', done = total, finished_at = batch_at where day = '2020-02-01'");
    await page.getByText('The day is closed.').waitFor();
    expect(await page.getByRole('progressbar').count()).toBe(0);
    await su("update wallet.eod_run set state = 'running', done = 45678, finished_at = null where day = '2020-02-01'");
    expect(await walkRooms(page, base, ['/eod', '/eod/2020-02-01', `/kyc/${plain}`, '/kyc?state=approved'])).toEqual([]);
    // What a route refuses the browser notes as well; anything else would be a fault of ours.
    expect(faults.filter((f) => !/status of (404|409|422)/.test(f))).toEqual([]);
  });
});
