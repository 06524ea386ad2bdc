import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { perform, uuidv7, systemRandom, type Uuid } from '#kernel';
import { accounts, freeze, guard, openAccounts, post, transferIdOf, type AccountView, type Posted, type TransferDraft } from './index.ts';
import { books, by, house, inr, posting, told, type Books, type House } from '#test';

let h: House, b: Books;
beforeAll(async () => {
  h = await house({ serve: ['IN'] });
  b = await books(h);
});
afterAll(() => h.stop());

const view = async (id: Uuid): Promise<AccountView> => (await h.perform('india', (tx) => accounts(tx, [id])))[0] as AccountView;
let refs = 0;
const newRef = (): string => `ref-${refs++}`;
const newId = (): Uuid => uuidv7(new Date(0), systemRandom);
const transfer = (debit: Uuid, credit: Uuid, amount: bigint | number, more: { ref?: string; effective?: never; code?: number } = {}): TransferDraft =>
  ({ kind: 'transfer', debit, credit, amount: inr(amount), ...more });
/** Two wallets, the first with 1,000 in it. */
async function pair(): Promise<[Uuid, Uuid]> {
  const [a, c] = await b.openMany('wallet', 2) as [Uuid, Uuid];
  await b.fund(a, 1000);
  return [a, c];
}
const valueOf = async (draft: TransferDraft): Promise<Posted> => {
  const [outcome] = await b.post(posting(draft));
  if (!outcome?.ok) throw new Error(JSON.stringify(outcome?.data));
  return outcome.value;
};
const hold = async (debit: Uuid, credit: Uuid, amount: number, expiresInSeconds?: number): Promise<Uuid> =>
  (await valueOf({ kind: 'pending', debit, credit, amount: inr(amount), ...(expiresInSeconds ? { expiresInSeconds } : {}) })).transfers[0]?.id as Uuid;

describe('a transfer', () => {
  it('moves both balances, and its row carries them', async () => {
    const [a, c] = await pair();
    const { transfers: [t] } = await valueOf(transfer(a, c, 300));
    expect(t).toMatchObject({ kind: 'transfer', debit: a, credit: c, amount: inr(300), debitBalance: 700n, creditBalance: 300n });
    expect(await view(a)).toMatchObject({ posted: 700n, available: 700n });
    expect(await view(c)).toMatchObject({ posted: 300n, available: 300n });
  });
  it('is told apart from one that overdraws, and that one leaves a row', async () => {
    const [a, c] = await pair();
    const ref = newRef();
    expect(await b.move(transfer(a, c, 1001, { ref }))).toBe('below-minimum');
    await b.fund(a, 5000);
    // The id that failed stays failed, though there is enough now.
    expect(await b.move(transfer(a, c, 1001, { ref }))).toBe('below-minimum');
    expect(await b.move(transfer(a, c, 1001))).toBe('posted');
    const rows = await h.sql('IN', 'superuser')<{ result: number }>('select result from ledger.transfer where id = $1', [transferIdOf(h.tenant().id, ref)]);
    expect(rows).toEqual([{ result: 160 }]);
  });
  it('is posted once under its id, and says which field differs of another one', async () => {
    const [a, c] = await pair();
    const ref = newRef();
    const first = await valueOf(transfer(a, c, 10, { ref }));
    expect(await valueOf(transfer(a, c, 10, { ref }))).toEqual({ ...first, replayed: true });
    expect(await b.move(transfer(a, c, 11, { ref }))).toBe('amount');
    expect(await b.move(transfer(c, a, 10, { ref }))).toBe('debit');
    expect(await b.move(transfer(a, c, 10, { ref, code: 3 }))).toBe('code');
    expect((await view(c)).posted).toBe(10n);
  });
  it('sees what earlier ones of its batch did, each with an outcome of its own', async () => {
    const [a, c] = await pair();
    const outcomes = await b.post(posting(transfer(a, c, 900)), posting(transfer(a, c, 200)), posting(transfer(c, a, 150)), posting(transfer(a, c, 200)));
    expect(outcomes.map(told)).toEqual(['posted', 'below-minimum', 'posted', 'posted']);
    expect([(await view(a)).posted, (await view(c)).posted]).toEqual([50n, 950n]);
  });
  it('stands or falls with those that it is linked to', async () => {
    const [a, c] = await pair();
    const [bad, good] = await b.post(posting(transfer(a, c, 600), transfer(a, c, 600), transfer(c, a, 1)), posting(transfer(a, c, 100), transfer(c, a, 100)));
    expect(bad).toMatchObject({ ok: false, data: { reason: 'below-minimum', transfer: 1 } });
    expect(good?.ok).toBe(true);
    expect([(await view(a)).posted, (await view(c)).posted]).toEqual([1000n, 0n]);
    const results = await h.sql('IN', 'superuser')<{ result: number }>(
      `select result from ledger.transfer where asked like '%' || $1 || '%' order by leg`, [a]);
    expect(results.map((r) => r.result)).toEqual([170, 160, 170]);
  });
  it('is seen by a second posting of the same section', async () => {
    const [a, c] = await pair();
    const said = await h.perform('india', async (tx) => [
      ...await post(tx.section, [posting(transfer(a, c, 900))]), ...await post(tx.section, [posting(transfer(a, c, 200))]),
    ]);
    expect(said.map(told)).toEqual(['posted', 'below-minimum']);
  });
});

describe('a hold', () => {
  it('counts in what is available, and is captured in part once', async () => {
    const [a, c] = await pair();
    const id = await hold(a, c, 700);
    expect(await view(a)).toMatchObject({ posted: 1000n, pendingOut: 700n, available: 300n });
    expect(await view(c)).toMatchObject({ posted: 0n, pendingIn: 700n });
    expect(await b.move(transfer(a, c, 301))).toBe('below-minimum');
    expect(await b.move({ kind: 'post', target: id, amount: inr(701) })).toBe('amount-over-hold');
    expect(await b.move({ kind: 'post', target: id, amount: inr(500) })).toBe('posted');
    expect(await view(a)).toMatchObject({ posted: 500n, pendingOut: 0n, available: 500n });
    expect(await view(c)).toMatchObject({ posted: 500n, pendingIn: 0n });
    expect(await b.move({ kind: 'post', target: id })).toBe('hold-posted');
    expect(await b.move({ kind: 'void', target: id })).toBe('hold-posted');
  });
  it('is voided once, and nothing but a hold can be', async () => {
    const [a, c] = await pair();
    const id = await hold(a, c, 700);
    expect(await b.move({ kind: 'void', target: id })).toBe('posted');
    expect(await view(a)).toMatchObject({ posted: 1000n, pendingOut: 0n });
    expect(await b.move({ kind: 'post', target: id })).toBe('hold-voided');
    const { transfers: [plain] } = await valueOf(transfer(a, c, 1));
    expect(await b.move({ kind: 'void', target: plain?.id as Uuid })).toBe('target-not-pending');
    expect(await b.move({ kind: 'void', target: newId() })).toBe('target-unknown');
  });
  it('may be made and captured in one posting, and neither stays when what is linked fails', async () => {
    const [a, c] = await pair();
    const ref = newRef(), again = newRef();
    const [id, second] = [ref, again].map((r) => transferIdOf(h.tenant().id, r)) as [Uuid, Uuid];
    const make: TransferDraft = { kind: 'pending', debit: a, credit: c, amount: inr(400), ref };
    expect(told((await b.post(posting(make, { kind: 'post', target: id }, transfer(a, c, 601))))[0])).toBe('below-minimum');
    expect(await view(a)).toMatchObject({ posted: 1000n, pendingOut: 0n });
    expect(told((await b.post(posting({ ...make, ref: again }, { kind: 'post', target: second }, transfer(a, c, 600))))[0])).toBe('posted');
    expect(await view(a)).toMatchObject({ posted: 0n, pendingOut: 0n });
    expect(await h.sql('IN', 'superuser')('select 1 from ledger.hold where id in ($1, $2)', [id, second])).toEqual([]);
  });
});

describe('an account', () => {
  it('keeps its guards, pending movements counted', async () => {
    const [a] = await pair();
    const c = await b.open('wallet', { maximum: 500n });
    await hold(a, c, 400);
    expect(await b.move(transfer(a, c, 101))).toBe('above-maximum');
    expect(await b.move(transfer(a, c, 100))).toBe('posted');
    const closedDoor = await b.open('wallet', { noCredit: true });
    expect(await b.move(transfer(a, closedDoor, 1))).toBe('credit-not-allowed');
    expect(await h.perform('india', (tx) => guard(tx.section, a, { minimum: -10n, noDebit: true }))).toMatchObject({ ok: true });
    expect(await b.move(transfer(a, c, 1))).toBe('debit-not-allowed');
    expect(await h.perform('india', (tx) => guard(tx.section, a, { maximum: 5n }))).toMatchObject({ ok: false, data: { reason: 'guards', field: 'maximum' } });
  });
  it('that is frozen moves nothing, save what releases a hold', async () => {
    const [a, c] = await pair();
    const [one, two] = [await hold(a, c, 100), await hold(a, c, 100)];
    await h.perform('india', (tx) => freeze(tx.section, a, true));
    expect(await b.move(transfer(a, c, 1))).toBe('debit-account-frozen');
    expect(await b.move(transfer(c, a, 1))).toBe('credit-account-frozen');
    expect(await b.move({ kind: 'post', target: one })).toBe('debit-account-frozen');
    expect(await b.move({ kind: 'void', target: one })).toBe('posted');
    await h.perform('india', (tx) => freeze(tx.section, a, false));
    expect(await b.move({ kind: 'post', target: two })).toBe('posted');
  });
  it('closes by a hold over all that it has, and opens again when that is voided', async () => {
    const [a, c] = await pair();
    const open = await hold(a, c, 1);
    expect(await b.move({ kind: 'closing', account: a, into: c })).toBe('holds-open');
    await b.move({ kind: 'void', target: open });
    const close = async (): Promise<Uuid> => (await valueOf({ kind: 'closing', account: a, into: c })).transfers[0]?.id as Uuid;
    const first = await close();
    expect(await view(a)).toMatchObject({ state: 'closing', available: 0n });
    expect(await b.move(transfer(c, a, 1))).toBe('credit-account-closed');
    expect(await b.move({ kind: 'void', target: first })).toBe('posted');
    expect(await view(a)).toMatchObject({ state: 'open', available: 1000n });
    expect(await b.move({ kind: 'post', target: await close() })).toBe('posted');
    expect(await view(a)).toMatchObject({ state: 'closed', posted: 0n });
    expect(await view(c)).toMatchObject({ posted: 1000n });
    expect(await b.move(transfer(c, a, 1))).toBe('credit-account-closed');
  });
  it('with nothing in it closes too', async () => {
    const [a, c] = await b.openMany('wallet', 2) as [Uuid, Uuid];
    const { transfers: [closing] } = await valueOf({ kind: 'closing', account: a, into: c });
    expect(await b.move({ kind: 'post', target: closing?.id as Uuid })).toBe('posted');
    expect(await view(a)).toMatchObject({ state: 'closed' });
  });
  it('is one per code, currency and holder, however often it is opened', async () => {
    const holder = newId();
    const open = (currency: 'INR' | 'USD'): Promise<unknown> => h.perform('india', (tx) => openAccounts(tx.section, [{ code: 'wallet', currency, holder }]));
    const first = await open('INR');
    expect(await open('INR')).toEqual(first);
    expect(await open('USD')).not.toEqual(first);
    expect(await h.perform('india', (tx) => openAccounts(tx.section, [{ code: 'nothing', currency: 'INR' }]))).toMatchObject({ ok: false, data: {
      reason: 'unknown-code' } });
  });
  it('of another tenant or of nobody is unknown', async () => {
    const [a] = await pair();
    const theirs = await (await books(h, 'other')).open('wallet');
    expect(await b.move(transfer(a, theirs, 1))).toBe('credit-account-unknown');
    expect(await b.move(transfer(theirs, a, 1))).toBe('debit-account-unknown');
    const dollars = await b.open('wallet', undefined, 'USD');
    expect(await b.move(transfer(a, dollars, 1))).toBe('currency-mismatch');
  });
});

describe('a reversal', () => {
  it('goes back along a transfer, never further than it went', async () => {
    const [a, c] = await pair();
    const { transfers: [t] } = await valueOf(transfer(a, c, 100));
    const target = t?.id as Uuid;
    expect(await b.move({ kind: 'reversal', target, amount: inr(60) })).toBe('posted');
    expect((await b.post(posting({ kind: 'reversal', target, amount: inr(30) }), posting({ kind: 'reversal', target, amount: inr(11) }))).map(told))
      .toEqual(['posted', 'amount-over-original']);
    expect(await b.move({ kind: 'reversal', target, amount: inr(10) })).toBe('posted');
    expect([(await view(a)).posted, (await view(c)).posted]).toEqual([1000n, 0n]);
  });
});

describe('rows', () => {
  it('are never changed or removed, not by the program and not by the owner', async () => {
    const [a, c] = await pair();
    const { transfers: [t] } = await valueOf(transfer(a, c, 1));
    await expect(h.sql('IN', 'app')('delete from ledger.transfer')).rejects.toMatchObject({ code: '42501' });
    for (const change of ['update ledger.transfer set amount = 2', 'delete from ledger.transfer', 'truncate ledger.transfer']) {
      await expect(h.sql('IN', 'owner')(change), change).rejects.toThrow(/never changed/);
    }
    expect(await h.sql('IN', 'superuser')('select amount from ledger.transfer where id = $1', [t?.id])).toEqual([{ amount: 1n }]);
  });
  it('leave one fact a posting and one event a transfer, with the trace of the request', async () => {
    const [a, c] = await pair();
    const trace = systemRandom.bytes(16).toString('hex');
    await perform(h.cell(), h.tenant(), { ...by, trace }, (tx) => post(tx.section, [
      { by: tx, transfers: [transfer(a, c, 1), transfer(a, c, 2)] }, { by: tx, transfers: [transfer(a, c, 5000)] },
    ]));
    const facts = await h.sql('IN', 'superuser')<{ result: string;
      problem: string | null }>('select result, problem from audit.entry where trace = $1 order by seq', [trace]);
    expect(facts).toEqual([{ result: 'done', problem: null }, { result: 'refused', problem: 'below-minimum' }]);
    expect(await h.sql('IN', 'superuser')("select 1 from events.log where trace = $1 and topic = 'ledger.transferred'", [trace])).toHaveLength(2);
    const rows = await h.sql('IN', 'superuser')<{ result: number }>('select result from ledger.transfer where trace = $1 order by result', [trace]);
    expect(rows.map((r) => r.result)).toEqual([0, 0, 160]);
  });
});
