import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inviteOperator } from '#spine/operators';
import { house, type House } from '#test';
import { has } from '../parts.ts';
import { chromiumPath, CHROMIUM_ARGS } from './chromium.ts';
import { builtAssets } from './pages.ts';

describe.runIf(has('chromium'))('a passkey, in a browser with an authenticator of its own', () => {
  let h: House, browser: Browser, context: BrowserContext, page: Page, base: string;
  beforeAll(async () => {
    h = await house({ serve: ['IN'], transport: 'http', assets: await builtAssets() });
    browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGS });
    context = await browser.newContext();
    page = await context.newPage();
    const cdp = await context.newCDPSession(page);
    await cdp.send('WebAuthn.enable');
    await cdp.send('WebAuthn.addVirtualAuthenticator', { options: {
      protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
    } });
    base = `http://india.localhost:${h.program.port}`;
  });
  afterAll(async () => {
    await browser?.close();
    await h.stop();
  });
  const signedIn = async (): Promise<boolean> => (await context.cookies()).some((c) => c.name === 'xq_operator');

  it('enrols by the link, signs in, and is not answered twice', { timeout: 60_000 }, async () => {
    const made = await h.perform('india', (tx) => inviteOperator(tx, 'Made Up Keyholder', 'auditor'));
    if (!made.ok) throw new Error(made.problem.code);
    await page.goto(`${base}/operator/enrol?link=${made.value.link}`);
    await Promise.all([page.waitForURL((url) => url.pathname === '/console'), page.getByRole('button', { name: 'Make a passkey on this device' }).click()]);
    expect(await signedIn()).toBe(true);
    // What the console still asks would be told that nobody is signed in, and lead to the sign-in by itself.
    await page.waitForLoadState('networkidle');
    await context.clearCookies();

    await page.goto(`${base}/operator/sign-in?then=/console/audit`);
    let sent = '';
    await page.route('**/operator/sign-in/passkey', (route) => {
      sent = new URLSearchParams(route.request().postData() ?? '').get('credential') ?? '';
      return route.continue();
    });
    await Promise.all([page.waitForURL((url) => url.pathname === '/console/audit'), page.getByRole('button', { name: 'Sign in with a passkey' }).click()]);
    expect(await signedIn()).toBe(true);
    const again = await h.request({ path: '/api/operators/sign-in/passkey', json: { credential: sent }, headers: { host: new URL(base).host } });
    expect([JSON.parse(sent).type, again.status, again.json<{ type: string }>().type]).toEqual(['public-key', 422, '/problems/operator-refused']);
    const facts = await h.sql('IN', 'superuser')<{ result: string; detail: string }>("select result, detail from audit.entry where action = 'operators.sign-in' order by seq");
    expect(facts.map((f) => [f.result, (JSON.parse(f.detail) as { method: string }).method])).toEqual([['done', 'passkey'], ['done', 'passkey'], ['refused', 'passkey']]);
  });

  it('says so where no passkey is there, and leaves the password', async () => {
    const bare = await browser.newContext();
    const other = await bare.newPage();
    const cdp = await bare.newCDPSession(other);
    await cdp.send('WebAuthn.enable');
    await cdp.send('WebAuthn.addVirtualAuthenticator', { options: {
      protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: false, automaticPresenceSimulation: true,
    } });
    await other.goto(`${base}/operator/sign-in`);
    await other.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await other.getByText('The passkey was not used').waitFor();
    expect(await other.locator('#password').isVisible()).toBe(true);
    await bare.close();
  });
});
