import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { house, inrWire, readDrawn, said, wallets, type Answer, type House, type SignedIn, type Wallet, type Wallets } from '#test';

let h: House, w: Wallets, asha: Wallet, ravi: Wallet;
beforeAll(async () => {
  h = await house({ limits: false });
  w = wallets(h);
  [asha, ravi] = [await w.wallet(), await w.wallet(10_000)];
});
afterAll(() => h.stop());

const page = (who: SignedIn, path: string): Promise<Answer> => h.request({ path, cookies: who.cookies });
const codeOf = (a: Answer): string => readDrawn(/<svg role="img"[\s\S]*?<\/svg>/.exec(a.text)?.[0] ?? '') ?? 'no code';
/** What is filled into a field of a form; undefined where nothing is. */
const field = (a: Answer, name: string): string | undefined => {
  const input = [...a.text.matchAll(/<input[^>]*>/g)].map(String).find((tag) => tag.includes(` name="${name}"`)) ?? '';
  return / value="([^"]+)"/.exec(input)?.[1];
};
/** The path of a link, at the tenant's own host. */
const pathOf = (link: string): string => { const url = new URL(link); return `${url.pathname}${url.search}`; };

describe('a code to be paid by', () => {
  it('carries the pay link that stands beside it, and opens the form filled in', async () => {
    const shown = await page(asha.who, `/wallet/accounts/${asha.account}/receive`);
    const link = codeOf(shown);
    expect(new URL(link).searchParams.get('to')).toBe(asha.handle);
    expect(shown.text.replaceAll('&amp;', '&')).toContain(`>${link}</a>`);
    const form = await page(ravi.who, pathOf(link));
    expect([form.status, field(form, 'to'), field(form, 'amount')]).toEqual([200, asha.handle, undefined]);
    expect(form.text).toContain(`action="/wallet/accounts/${ravi.account}/pay"`);
  });
  it('carries an amount in the units of the account, whatever is typed', async () => {
    const shown = await page(asha.who, `/wallet/accounts/${asha.account}/receive?amount=1%2C250.50`);
    expect(shown.text).toContain(`Be paid ₹1,250.50 at ${asha.handle}`);
    const link = new URL(codeOf(shown));
    expect(Object.fromEntries(link.searchParams)).toEqual({ to: asha.handle, amount: '1250.50', currency: 'INR' });
    const form = await page(ravi.who, pathOf(link.href));
    expect([field(form, 'to'), field(form, 'amount')]).toEqual([asha.handle, '1250.50']);
    for (const wrong of ['many', '0', '-5', '1.234', '<script>']) {
      const answer = await page(asha.who, `/wallet/accounts/${asha.account}/receive?amount=${encodeURIComponent(wrong)}`);
      expect([answer.status, new URL(codeOf(answer)).searchParams.get('amount')], wrong).toEqual([200, null]);
      expect(answer.text, wrong).toContain('Enter an amount');
      expect(answer.text).not.toContain('<script>');
    }
  });
  it('leads who is signed out to sign in, and back to it', async () => {
    const { href } = new URL(codeOf(await page(asha.who, `/wallet/accounts/${asha.account}/receive?amount=12`)));
    const answer = await h.request({ path: pathOf(href) });
    expect([answer.status, answer.headers.location]).toEqual([303, `/sign-in?then=${encodeURIComponent(pathOf(href))}`]);
  });
  it('lets a payer with several accounts choose, and one with none open one', async () => {
    const both = await w.wallet(500);
    const second = await w.another(both.who);
    const dollars = await w.another(both.who, 'USD');
    const choice = await page(both.who, `/wallet/pay?to=${asha.handle}&amount=2.50&currency=INR`);
    expect(choice.text).toContain(`/wallet/accounts/${second}/pay?to=%40`);
    expect(choice.text).not.toContain(dollars);
    const form = await page(both.who, `/wallet/accounts/${second}/pay?to=${encodeURIComponent(asha.handle)}&amount=2.50`);
    expect([field(form, 'to'), field(form, 'amount')]).toEqual([asha.handle, '2.50']);
    expect((await page(await h.signIn(), `/wallet/pay?to=${asha.handle}`)).text).toContain('You have no open account that could pay this.');
  });
  it('fills in nothing that is no name and no amount', async () => {
    const form = await page(ravi.who, `/wallet/pay?to=${encodeURIComponent('"><script>alert(1)</script>')}&amount=${encodeURIComponent('1e9')}&currency=%27`);
    expect([form.status, field(form, 'to'), field(form, 'amount')]).toEqual([200, undefined, undefined]);
    expect(form.text).not.toContain('alert(1)');
  });
  it('is not drawn for an account without a name, a frozen or closed one, or another’s', async () => {
    const [own, other] = [await w.wallet(), await w.another(asha.who)];
    expect((await page(asha.who, `/wallet/accounts/${other}/receive`)).text).toContain('Give it a name');
    await w.post(own.who, `/wallet/accounts/${own.account}/freeze`, { frozen: true });
    expect((await page(own.who, `/wallet/accounts/${own.account}/receive`)).text).toContain('You froze this account.');
    await w.post(own.who, `/wallet/accounts/${own.account}/freeze`, { frozen: false });
    await w.close(own);
    expect((await page(own.who, `/wallet/accounts/${own.account}/receive`)).text).toContain('This account is closed.');
    expect(said(await w.get(ravi.who, `/wallet/accounts/${asha.account}/receive`))).toEqual([404, 'unknown-account']);
    for (const account of [other, own.account]) {
      expect(codeOf(await page(account === other ? asha.who : own.who, `/wallet/accounts/${account}/receive`))).toBe('no code');
    }
  });
});

describe('a code of a request', () => {
  it('leads who is asked to it with its amount, and nobody else; it is paid once', async () => {
    const asking = { into: asha.account, from: ravi.handle, amount: inrWire(1_250) };
    const { request } = (await w.post(asha.who, '/wallet/requests', asking)).json<{ request: string }>();
    const shown = await page(asha.who, `/wallet/requests/${request}`);
    const link = codeOf(shown);
    expect(pathOf(link)).toBe(`/wallet/requests/${request}`);
    expect((await page(asha.who, '/wallet/requests')).text).toContain('Show its code');
    const asked = await page(ravi.who, pathOf(link));
    expect(asked.text).toContain(`${asha.handle} asks you for ₹12.50`);
    expect([asked.text.includes('Pay ₹12.50'), codeOf(asked)]).toEqual([true, 'no code']);
    const stranger = await w.wallet();
    expect(said(await w.get(stranger.who, `/wallet/requests/${request}`))).toEqual([404, 'unknown-request']);
    expect((await h.request({ path: pathOf(link) })).headers.location).toBe(`/sign-in?then=${encodeURIComponent(pathOf(link))}`);
    expect((await w.post(ravi.who, `/wallet/requests/${request}/accept`)).status).toBe(200);
    expect(codeOf(await page(asha.who, `/wallet/requests/${request}`))).toBe('no code');
  });
});
