import { afterAll, beforeAll, expect, it } from 'vitest';
import { house, inrWire, operatorOf, wallets, type House, type SignedIn, type Wallets } from '#test';

let h: House, w: Wallets;
beforeAll(async () => { h = await house({ limits: false }); w = wallets(h); });
afterAll(() => h.stop());

const su = <T extends Record<string, unknown>>(text: string): Promise<T[]> => h.sql('IN', 'superuser')<T>(text);
interface Told { kind: string; title: string; body: string; link: string }
/** What somebody was told of a kind, the oldest first. */
async function told(who: SignedIn, kind: string, language = 'en'): Promise<Told[]> {
  await h.settle();
  const inbox = (await h.request({ path: `/api/notifications?language=${language}`, bearer: who.bearer })).json<{ notices: Told[] }>();
  return inbox.notices.filter((n) => n.kind === kind).toReversed();
}
const order = async (who: SignedIn, path: string, account: string, minor: number, bank: string): Promise<string> =>
  (await w.post(who, path, { account, amount: inrWire(minor), bank })).json<{ order: string }>().order;

it('the end of a bank order is told to whoever placed it, as the bank has it, and not its beginning', async () => {
  const asha = await w.wallet();
  const added = await order(asha.who, '/wallet/top-ups', asha.account, 30_000, 'DEMO0000000001');
  await h.runJobs();
  const taken = await order(asha.who, '/wallet/withdrawals', asha.account, 12_000, 'DEMO0000000002');
  const back = await order(asha.who, '/wallet/withdrawals', asha.account, 1_000, 'DEMO0000000009');
  const none = await order(asha.who, '/wallet/top-ups', asha.account, 2_000, 'DEMO0000000009');
  await h.runJobs();
  const all = await told(asha.who, 'wallet.bank-order');
  const said = new Map(all.map((n) => [n.link, [n.title, n.body]]));
  expect([all.length, said.size]).toEqual([4, 4]);
  expect(said.get(`/wallet/orders/${added}`)).toEqual(['₹300.00 came from your bank', '₹300.00 is in your account now.']);
  expect(said.get(`/wallet/orders/${taken}`)?.[0]).toBe('₹120.00 went to your bank');
  expect(said.get(`/wallet/orders/${back}`)).toEqual(['₹10.00: refused by your bank', 'Your bank refused it. The money is in your account again.']);
  expect(said.get(`/wallet/orders/${none}`)).toEqual(['₹20.00: refused by your bank', 'Your bank refused it. Nothing was taken from there.']);
  const hindi = (await told(asha.who, 'wallet.bank-order', 'hi')).map((n) => n.title);
  expect(hindi).toHaveLength(4);
  for (const title of hindi) expect(title).toMatch(/₹.*[\u0900-\u097f]|[\u0900-\u097f].*₹/);
});

it('their texts are an office’s to read and to change', async () => {
  const operator = await operatorOf(h);
  const { status, text } = await h.request({ path: '/api/notifications/office/templates', cookies: operator.cookies });
  expect(status, text).toBe(200);
  for (const kind of ['wallet.bank-order', 'wallet.asked', 'wallet.declined']) {
    const texts = (JSON.parse(text) as { templates: { kind: string; texts: object }[] }).templates.find((found) => found.kind === kind)?.texts;
    const preview = await h.request({ method: 'POST', path: `/api/notifications/office/templates/${kind}/preview`, cookies: operator.cookies,
      headers: { 'sec-fetch-site': 'same-origin' }, json: { texts } });
    expect(preview.status, `${kind}: ${preview.text}`).toBe(200);
  }
});

it('an order without an answer is told of as one', async () => {
  const asha = await w.wallet();
  const late = await order(asha.who, '/wallet/top-ups', asha.account, 4_000, 'DEMO0000000001');
  await su("update jobs.job set created_at = created_at - interval '25 hours', run_at = created_at where name = 'wallet.send-order'");
  await h.runJobs();
  expect((await told(asha.who, 'wallet.bank-order')).map((n) => [n.title, n.body, n.link])).toEqual([
    ['₹40.00: no answer from your bank',
      'Your bank has not answered for a day. Nothing is lost. Ask the office if you need it soon.', `/wallet/orders/${late}`]]);
});

it('whoever is asked for money is told once an hour of each who asks, and whoever asked when it is declined', async () => {
  const [asha, ravi, kiran] = [await w.wallet(10_000), await w.wallet(), await w.wallet()];
  const ask = async (from: typeof asha, minor: number): Promise<string> => (await w.post(from.who, '/wallet/requests',
    { into: from.account, from: asha.handle, amount: inrWire(minor), note: 'a secret between us' })).json<{ request: string }>().request;
  const [first, second, third] = [await ask(ravi, 500), await ask(ravi, 700), await ask(kiran, 900)];
  const asked = await told(asha.who, 'wallet.asked');
  // Two, unless the clock struck meanwhile.
  const hours = await su<{ at: Date; payee: string }>("select at, data::json ->> 'payee' as payee from events.log where topic = 'wallet.request-changed'");
  expect(asked).toHaveLength(new Set(hours.map((e) => `${e.payee} ${e.at.toISOString().slice(0, 13)}`)).size);
  expect(new Set(asked.map((n) => `${n.title} ${n.link}`))).toEqual(new Set(['You are asked for money /wallet/requests']));
  expect((await told(asha.who, 'wallet.asked', 'hi')).at(-1)?.title).toBe('आपसे पैसे माँगे गए हैं');
  expect((await w.post(asha.who, `/wallet/requests/${first}/decline`)).status).toBe(200);
  expect((await w.post(asha.who, `/wallet/requests/${second}/accept`)).status).toBe(200);
  expect((await w.post(kiran.who, `/wallet/requests/${third}/decline`)).status).toBe(200);
  expect((await told(ravi.who, 'wallet.declined')).map((n) => n.link)).toEqual([`/wallet/requests/${first}`]);
  // One that is accepted is a payment, and one that is taken back is nothing.
  expect((await told(ravi.who, 'wallet.received')).map((n) => n.title)).toEqual(['You received ₹7.00']);
  for (const who of [asha.who, kiran.who]) expect(await told(who, 'wallet.declined')).toEqual([]);
  expect(await told(asha.who, 'wallet.asked')).toHaveLength(asked.length);
  expect(await su("select 1 from notify.notice where data::text like '%secret%' or data::text like '%holder.%'")).toEqual([]);
});
