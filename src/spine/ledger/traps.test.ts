import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createBatcher, createLog, done, systemRandom, uuidv7, zMoney, type Entry, type Outcome, type TenantRef, type Uuid } from '#kernel';
import { accounts, expireHolds, freeze, lockAhead, post, TRANSFERS_MAX, type AccountView, type Posted, type Posting, type TransferDraft } from './index.ts';
import { books, by, everyModule, house, inr, posting, told, type Books, type House } from '#test';

let h: House, b: Books;
beforeAll(async () => {
  h = await house({ serve: ['IN'] });
  b = await books(h);
});
afterAll(() => h.stop());

const view = async (id: Uuid): Promise<AccountView> => (await h.perform('india', (tx) => accounts(tx, [id])))[0] as AccountView;
const transfer = (debit: Uuid, credit: Uuid, amount: bigint | number): TransferDraft => ({ kind: 'transfer', debit, credit, amount: inr(amount) });
const wallet = async (funds = 0): Promise<Uuid> => {
  const id = await b.open('wallet');
  if (funds) await b.fund(id, funds);
  return id;
};
const hold = async (debit: Uuid, credit: Uuid, amount: number, expiresInSeconds: number): Promise<Uuid> => {
  const [o] = await b.post(posting({ kind: 'pending', debit, credit, amount: inr(amount), expiresInSeconds }));
  if (!o?.ok) throw new Error(told(o));
  return o.value.transfers[0]?.id as Uuid;
};
const count = (said: readonly string[], what: string): number => said.filter((one) => one === what).length;

/** Postings through the program's own batcher, with its claims: what a plural route does. */
const batcherOf = (group: boolean): { submit(e: Entry<readonly TransferDraft[]>): Promise<{ outcome: Outcome<readonly string[]> }>; stats: { batches: number;
  bisections: number } } =>
  createBatcher<readonly TransferDraft[], readonly string[]>(h.cell(), {
    name: 'test.transfer', gates: [], claimer: everyModule.find((m) => m.claimer)?.claimer, log: createLog({ level: 'silent' }), group,
    async plural(tx, items) {
      if (items.some((i) => i.input.length > 1 && i.input[0] === i.input[1])) throw new Error('a poisoned item');
      const outcomes = await post(tx, items.map((item): Posting => ({ by: item, transfers: item.input })));
      return outcomes.map((o: Outcome<Posted>) => (o.ok ? done(o.value.transfers.map((t) => t.id)) : o));
    },
    toJson: (o) => JSON.stringify(o.ok ? o.value : o.data), fromJson: (json) => done(JSON.parse(json) as string[]),
  });
const entry = (drafts: readonly TransferDraft[], slug = 'india', scope = systemRandom.bytes(32)): Entry<readonly TransferDraft[]> =>
  ({ tenant: h.tenant(slug) as TenantRef, item: { ...by, input: drafts, atMs: 0 }, claim: { scope, bodyHash: () => scope } });

describe('races', () => {
  it('64 racing debits of the full balance: exactly one is accepted', async () => {
    for (let round = 0; round < 3; round++) {
      const [a, c] = [await wallet(1000), await wallet()];
      const said = await Promise.all(Array.from({ length: 64 }, () => b.move(transfer(a, c, 1000))));
      expect([count(said, 'posted'), count(said, 'below-minimum')]).toEqual([1, 63]);
      expect([(await view(a)).posted, (await view(c)).posted]).toEqual([0n, 1000n]);
    }
  });
  it('64 at once under one name: one is posted, all get its answer', async () => {
    const [a, c] = [await wallet(1000), await wallet()];
    const outcomes = await Promise.all(Array.from({ length: 64 }, () => b.post(posting({ ...transfer(a, c, 10), ref: 'one-name' }))));
    const ids = outcomes.flat().map((o) => (o.ok ? o.value.transfers[0]?.id : told(o)));
    expect(new Set(ids).size).toBe(1);
    expect((await view(c)).posted).toBe(10n);
  });
  it('64 captures of one hold: one is posted, the others are told so', async () => {
    const [a, c] = [await wallet(1000), await wallet()];
    const target = await hold(a, c, 700, 3600);
    const said = await Promise.all(Array.from({ length: 64 }, (_, i) => b.move(i % 2 ? { kind: 'post', target } : { kind: 'void', target })));
    expect(count(said, 'posted')).toBe(1);
    expect(count(said, 'hold-posted') + count(said, 'hold-voided')).toBe(63);
    const after = await view(a);
    expect([after.pendingOut, [300n, 1000n].includes(after.posted)]).toEqual([0n, true]);
  });
  it('refunds of one transfer by many at once never exceed it', async () => {
    const [a, c] = [await wallet(1000), await wallet(5000)];
    const [o] = await b.post(posting(transfer(a, c, 100)));
    const target = (o?.ok ? o.value.transfers[0]?.id : undefined) as Uuid;
    const said = await Promise.all(Array.from({ length: 32 }, () => b.move({ kind: 'reversal', target, amount: inr(30) })));
    expect([count(said, 'posted'), count(said, 'amount-over-original')]).toEqual([3, 29]);
  });
});

describe('accounts locked ahead', () => {
  it('are those of the posting, at what they had when they were locked; one that was not locked is an error, and nothing stands', async () => {
    const [from, to, other] = [await wallet(500), await wallet(), await wallet()];
    const pay = (credit: Uuid): Promise<Outcome<Posted>[]> => h.perform('india', async (tx) =>
      post(tx.section, [posting(transfer(from, credit, 200))], await lockAhead(tx.section, new Set([from, to]))));
    expect((await pay(to)).map(told)).toEqual(['posted']);
    await expect(pay(other)).rejects.toThrow(/not locked/);
    expect([(await view(from)).posted, (await view(to)).posted, (await view(other)).posted]).toEqual([300n, 200n, 0n]);
  });
  it('are waited for by whoever needs one of them, and a stranger’s id is found by nobody', async () => {
    const [from, to] = [await wallet(100), await wallet()];
    const [locked, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const first = h.perform('india', async (tx) => {
      const ahead = await lockAhead(tx.section, new Set([from, to, uuidv7(new Date(0), systemRandom)]));
      locked.resolve();
      await go.promise;
      return post(tx.section, [posting(transfer(from, to, 100))], ahead);
    });
    await locked.promise;
    const second = b.post(posting(transfer(from, to, 100)));
    go.resolve();
    expect([(await first).map(told), (await second).map(told)]).toEqual([['posted'], ['below-minimum']]);
  });
});

describe('deadlock and serialization', () => {
  it('64 callers with traffic both ways, alone and in batches: no deadlock, nothing lost', async () => {
    for (const group of [false, true]) {
      const wallets = await Promise.all(Array.from({ length: 8 }, () => wallet(10_000)));
      const batcher = batcherOf(group);
      const deadlocks = async (): Promise<bigint> => (await h.sql('IN', 'superuser')<{
        n: bigint }>('select deadlocks as n from pg_stat_database where datname = current_database()'))[0]?.n ?? 0n;
      const before = await deadlocks();
      const answers = await Promise.all(Array.from({ length: 64 }, async (_, i) => {
        const said: boolean[] = [];
        for (let k = 0; k < 12; k++) {
          // A checkout debits two and credits one; its neighbour does the same the other way round.
          const [x, y, w] = [wallets[(i + k) % 8], wallets[(i + 3) % 8], wallets[(i + k + 5) % 8]] as [Uuid, Uuid, Uuid];
          const legs = [transfer(x, y, 1), transfer(y, w, 1)].filter((t) => 'debit' in t && t.debit !== t.credit);
          said.push((await batcher.submit(entry(i % 2 ? legs : legs.toReversed()))).outcome.ok);
        }
        return said;
      }));
      expect(answers.flat().every(Boolean)).toBe(true);
      expect(await deadlocks()).toBe(before);
      const after = await h.perform('india', (tx) => accounts(tx, wallets));
      expect(after.reduce((sum, v) => sum + v.posted, 0n)).toBe(80_000n);
    }
  });
  it.each(['40001', '40P01'])('a %s is done again with fresh memory, and is never told as too little money', async (code) => {
    const [a, c] = [await wallet(100), await wallet()];
    let tries = 0;
    const outcomes = await h.perform('india', async (tx) => {
      const answers = await post(tx.section, [posting(transfer(a, c, 100))]);
      tries += 1;
      if (tries < 3) throw Object.assign(new Error('try again'), { code });
      return answers;
    });
    expect([tries, outcomes.map(told)]).toEqual([3, ['posted']]);
    expect(await view(a)).toMatchObject({ posted: 0n });
  });
  it('a poisoned item fails alone, its neighbours are posted once', async () => {
    const [a, c] = [await wallet(1000), await wallet()];
    const batcher = batcherOf(true);
    const poison = transfer(a, c, 1);
    const answers = await Promise.allSettled(Array.from({ length: 33 }, (_, i) => batcher.submit(entry(i === 16 ? [poison, poison] : [transfer(a, c, 1)]))));
    expect(answers.filter((r) => r.status === 'rejected')).toHaveLength(1);
    expect([(await view(c)).posted, batcher.stats.bisections > 0]).toEqual([32n, true]);
  });
  it('one batch posts for two tenants, each in its own books', async () => {
    const other = await books(h, 'other');
    const [theirs, to] = await other.openMany('bank', 2) as [Uuid, Uuid];
    const [a, c] = [await wallet(10), await wallet()];
    const batcher = batcherOf(true);
    const answers = await Promise.all([entry([transfer(a, c, 1)]), entry([transfer(theirs, to, 1)], 'other'), entry([transfer(theirs, c, 1)],
      'other')].map((e) => batcher.submit(e)));
    expect(answers.map((r) => r.outcome.ok)).toEqual([true, true, false]);
    expect(batcher.stats.batches).toBe(1);
  });
  it('ledger accounts are locked behind every other module’s rows', async () => {
    const [a, c] = [await wallet(10), await wallet()];
    await h.perform('india', async (tx) => {
      tx.locks('products/taxrefund');
      return post(tx.section, [posting(transfer(a, c, 1))]);
    });
    await expect(h.perform('india', async (tx) => {
      await post(tx.section, [posting(transfer(a, c, 1))]);
      tx.locks('products/taxrefund');
    })).rejects.toThrow(/lock order/);
    expect((await view(c)).posted).toBe(1n);
  });
});

describe('holds and the clock', () => {
  it('expiry against capture: one of them wins, whatever the sweeper thinks', async () => {
    const [a, c] = [await wallet(6400), await wallet()];
    const targets = await Promise.all(Array.from({ length: 32 }, () => hold(a, c, 100, 3600)));
    await h.clockOffset('india', 3_599_000);
    // Some are captured in time; from then on they are late, though nobody swept yet.
    expect(await b.move({ kind: 'post', target: targets[0] as Uuid })).toBe('posted');
    expect(await b.move({ kind: 'expire', target: targets[1] as Uuid })).toBe('hold-not-due');
    await h.clockOffset('india', 3_700_000);
    const [swept, ...said] = await Promise.all([expireHolds({ cell: h.cell() }, h.tenant()), ...targets.slice(1).map((target) => b.move({ kind: 'post',
      target }))]);
    expect(new Set(said)).toEqual(new Set(['hold-expired']));
    expect(swept).toBe(31);
    expect(await view(a)).toMatchObject({ posted: 6300n, pendingOut: 0n, available: 6300n });
    expect(await expireHolds({ cell: h.cell() }, h.tenant())).toBe(0);
    await h.clockOffset('india', 0);
  });
  it('the worker ends what is due by each tenant’s own clock', async () => {
    const other = await books(h, 'other');
    const [x, y] = await other.openMany('bank', 2) as [Uuid, Uuid];
    const [a, c] = [await wallet(100), await wallet()];
    await other.post(posting({ kind: 'pending', debit: x, credit: y, amount: inr(5), expiresInSeconds: 3600 }));
    await hold(a, c, 50, 3600);
    await h.clockOffset('india', 3_700_000);
    const workers = h.startWorkers(h.cell(), ['worker']);
    await expect.poll(async () => (await view(a)).pendingOut, { timeout: 10_000 }).toBe(0n);
    await workers.stop();
    expect((await h.perform('other', (tx) => accounts(tx, [x])))[0]).toMatchObject({ pendingIn: 5n });
    await h.clockOffset('india', 0);
  });
  it('a clock that was set back does not turn the order of an account’s rows', async () => {
    const [a, c] = [await wallet(100), await wallet()];
    await h.clockOffset('india', 60_000);
    await b.move(transfer(a, c, 1));
    await h.clockOffset('india', 0);
    await b.move(transfer(a, c, 1));
    const rows = await h.sql('IN', 'superuser')<{ balance: bigint }>(
      'select t.debit_balance as balance from ledger.transfer t join ledger.account x on x.no = t.debit where x.id = $1 order by t.at_us', [a]);
    expect(rows.map((r) => r.balance)).toEqual([99n, 98n]);
  });
  it('a hold on an account that was frozen meanwhile can be released, not taken', async () => {
    const [a, c] = [await wallet(100), await wallet()];
    const target = await hold(a, c, 50, 3600);
    await h.perform('india', (tx) => freeze(tx.section, a, true));
    expect(await b.move({ kind: 'post', target })).toBe('debit-account-frozen');
    expect(await b.move({ kind: 'void', target })).toBe('posted');
  });
});

describe('bad input', () => {
  const rows = (): Promise<unknown> => h.sql('IN', 'superuser')(`select count(*) as accounts, sum(posted) as posted, sum(pending_in) as pending,
    (select count(*) from ledger.transfer) as transfers from ledger.account`);
  it('is a listed problem that names field and limit, and nothing is written but the refusal’s fact', async () => {
    const [a, c] = [await wallet(1000), await wallet()];
    const unknownCurrency = { amount: 1n, currency: 'XXX' as never };
    const cases: [TransferDraft | TransferDraft[], string, string, RegExp][] = [
      [transfer(a, c, -1), 'amount-not-positive', 'amount.amount', /1 or more/], [transfer(a, c, 0), 'amount-not-positive', 'amount.amount', /1 or more/],
      [transfer(a, c, 2n ** 63n), 'amount-too-large', 'amount.amount', /9223372036854775807/],
      [{ kind: 'transfer', debit: a, credit: c, amount: unknownCurrency }, 'currency-unknown', 'amount.currency', /ISO 4217/],
      [transfer(a, a, 1), 'same-account', 'credit', /another account/], [{ kind: 'closing', account: a, into: a }, 'same-account', 'into', /another account/],
      [Array.from({ length: 100_000 }, () => transfer(a, c, 1)), 'transfers-count', 'transfers', new RegExp(`1 to ${TRANSFERS_MAX}`)], [[],
        'transfers-count', 'transfers', /1 to/],
      [{ ...transfer(a, c, 1), ref: 'k'.repeat(10_240) }, 'ref-length', 'ref', /1 to 128/], [{ ...transfer(a, c, 1), code: 1.5 }, 'code-out-of-range',
        'code', /32767/],
      [{ kind: 'pending', debit: a, credit: c, amount: inr(1), expiresInSeconds: 0 }, 'expiry-out-of-range', 'expiresInSeconds', /1 to/],
    ];
    for (const [draft, reason, field, limit] of cases) {
      const before = await rows();
      const facts = await h.sql('IN', 'superuser')<{ n: bigint }>("select count(*) as n from audit.entry where problem = $1", [reason]);
      const [o] = await b.post({ by, transfers: Array.isArray(draft) ? draft : [draft] });
      expect(o, reason).toMatchObject({ ok: false, problem: { code: 'transfer-invalid', status: 422 }, data: { reason, field,
        limit: expect.stringMatching(limit) as string } });
      expect(await rows(), reason).toEqual(before);
      expect(await h.sql('IN', 'superuser')("select count(*) as n from audit.entry where problem = $1", [reason])).toEqual([{ n: (facts[0]?.n ?? 0n) + 1n }]);
    }
  });
  it('a balance that would outgrow its column is refused before it can', async () => {
    const [a, c] = await b.openMany('bank', 2) as [Uuid, Uuid];
    const all = 2n ** 63n - 1n;
    expect(await b.move(transfer(a, c, all))).toBe('posted');
    expect(await b.move(transfer(a, c, 1))).toBe('balance-too-large');
    expect(await b.move(transfer(c, a, all))).toBe('posted');
  });
  it.each([['JPY 1.5', { amount: '1.5', currency: 'JPY' }], ['KWD with three decimals', { amount: '1.234', currency: 'KWD' }], ['a JSON number', {
    amount: 100, currency: 'INR' }],
    ['a float', { amount: 0.1, currency: 'INR' }], ['over 2⁶³', { amount: '9223372036854775808', currency: 'INR' }], ['an unknown currency', { amount: '1',
      currency: 'XXX' }],
    ['a leading zero', { amount: '01', currency: 'INR' }], ['an exponent', { amount: '1e3', currency: 'INR' }]])('on the wire money is never %s', (_, wire) => {
    expect(zMoney.safeParse(wire as z.input<typeof zMoney>).success).toBe(false);
  });
  it('an id of nobody and one of another tenant are told alike', async () => {
    const a = await wallet(10);
    const theirs = await (await books(h, 'other')).open('wallet');
    const [nobody, foreign] = await b.post(posting(transfer(a, uuidv7(new Date(0), systemRandom), 1)), posting(transfer(a, theirs, 1)));
    expect(nobody?.ok === false && foreign?.ok === false && nobody.data).toEqual(foreign?.ok === false && foreign.data);
  });
});
