import { auditorRead, uuid, type CellContext, type Check, type SectionTx, type SpineTx, type TenantRef } from '#kernel';
import { accounts, openHolds, transfersById, trialBalance } from '#spine/ledger';
import { CHART } from '../contract.ts';
import { accountsAfterId, closedAfterId, interestSums, openOrders, ordersWithoutHold, orphanUsage, paymentsAfter, wrongUsage } from '../store/checks.ts';

/** Rows that one statement of a check looks at. */
const ROWS_MAX = 500;
const FIRST = '0'.repeat(32);

type Context = { readonly cell: CellContext; readonly tenant: TenantRef };
type Reading = Pick<SectionTx, 'sql' | 'tenant'>;
const read = <T>({ cell, tenant }: Context, run: (tx: Reading) => Promise<T>): Promise<T> =>
  auditorRead(cell, tenant.id, (tx: SpineTx) => run({ sql: tx.sql, tenant }));

/** Looks at all rows, some at a time, in one snapshot, until something is wrong. */
async function each<Row extends { id: string }>(next: (after: string) => Promise<Row[]>, look: (rows: readonly Row[]) => Promise<string[]>): Promise<string[]> {
  for (let after = FIRST; ;) {
    const rows = await next(after);
    if (!rows.length) return [];
    const wrong = await look(rows);
    if (wrong.length) return wrong;
    after = (rows.at(-1) as Row).id;
  }
}

const holds: Check = {
  name: 'wallet.order-holds', doc: 'The money of each order to a bank that is under way is held, in its account and in full.',
  run: (c) => read(c, async (tx) => {
    const none = (await ordersWithoutHold(tx.sql)).map((o) => `order ${o.id} pays out without a hold`);
    return none.length ? none : each((after) => openOrders(tx.sql, after, ROWS_MAX), async (orders) => {
      const held = new Map((await openHolds(tx, orders.map((o) => uuid(o.hold)))).map((h) => [h.id as string, h]));
      return orders.flatMap((o) => {
        const hold = held.get(o.hold);
        if (!hold) return [`order ${o.id} is under way and its hold is gone`];
        return hold.debit === o.ledger && hold.amount === o.amount ? [] : [`order ${o.id} and its hold differ`];
      });
    });
  }),
};

const usage: Check = {
  name: 'wallet.usage', doc: 'What counts against a holder’s limits belongs to an account of theirs and is what they paid that day and month.',
  run: (c) => read(c, async (tx) => {
    const orphans = (await orphanUsage(tx.sql)).map((u) => `usage of ${u.person} in ${u.currency} belongs to no account`);
    return orphans.length ? orphans : (await wrongUsage(tx.sql, c.tenant.zone)).map((u) => `usage of ${u.person} in ${u.currency} is not what was paid`);
  }),
};

const payments: Check = {
  name: 'wallet.payments', doc: 'Each payment is the transfer in the books that it names: amount, currency and both sides.',
  run: (c) => read(c, (tx) => each((after) => paymentsAfter(tx.sql, after, ROWS_MAX), async (rows) => {
    const posted = new Map((await transfersById(tx, rows.map((p) => uuid(p.transfer)))).map((t) => [t.id as string, t]));
    return rows.flatMap((p) => {
      const t = posted.get(p.transfer);
      if (!t || t.result !== 0) return [`payment ${p.id} names a transfer that was not posted`];
      const same = t.amount === p.amount && t.currency === p.currency && t.debit === p.payer && t.credit === p.payee;
      return same ? [] : [`payment ${p.id} and its transfer differ`];
    });
  })),
};

const states: Check = {
  name: 'wallet.states', doc: 'An account is frozen or closed in the books where it is here, and has its books.',
  run: (c) => read(c, (tx) => each((after) => accountsAfterId(tx.sql, after, ROWS_MAX), async (rows) => {
    const books = new Map((await accounts(tx, rows.map((a) => uuid(a.ledger)))).map((b) => [b.account as string, b]));
    return rows.flatMap((a) => {
      const b = books.get(a.ledger);
      if (!b) return [`account ${a.id} has no books`];
      return b.frozen === (a.state === 'frozen') && (b.state === 'closed') === (a.state === 'closed') ? []
        : [`account ${a.id} is ${a.state} here and ${b.frozen ? 'frozen' : b.state} in the books`];
    });
  })),
};

const interest: Check = {
  name: 'wallet.interest',
  doc: 'Interest accrued is what was paid, what is still owed and what closings let go, to the millionth; what was paid is what the books say.',
  run: (c) => read(c, async (tx) => {
    const booked = new Map((await trialBalance(tx)).lines.filter((l) => l.code === CHART.interest).map((l) => [l.currency as string, l.balance]));
    return (await interestSums(tx.sql)).flatMap((s) => {
      const paid = BigInt(s.paid);
      if (BigInt(s.accrued) !== paid * 1_000_000n + BigInt(s.owed) + BigInt(s.let_go)) return [`interest in ${s.currency} is off by what was rounded`];
      const said = booked.get(s.currency) ?? 0n;
      return said === paid ? [] : [`interest in ${s.currency}: the books say ${said}, runs and closings ${paid}`];
    });
  }),
};

const closings: Check = {
  name: 'wallet.closings',
  doc: 'Nothing is in a closed account, held in it, owed to it, on its way or scheduled from it, and what its closing came to is noted.',
  run: (c) => read(c, (tx) => each((after) => closedAfterId(tx.sql, after, ROWS_MAX), async (rows) => {
    const books = new Map((await accounts(tx, rows.map((a) => uuid(a.ledger)))).map((b) => [b.account as string, b]));
    return rows.flatMap((a) => {
      const b = books.get(a.ledger);
      const wrong = [
        ...(b && (b.posted !== 0n || b.pendingIn !== 0n || b.pendingOut !== 0n) ? ['holds money'] : []), ...(a.noted ? [] : ['has no note of its closing']),
        ...(a.owed ? ['is owed interest'] : []), ...(a.under_way ? ['has an order under way'] : []), ...(a.scheduled ? ['pays by schedule'] : []),
      ];
      return wrong.map((what) => `account ${a.id} is closed and ${what}`);
    });
  })),
};

export const checks: readonly Check[] = [holds, usage, payments, states, interest, closings];
