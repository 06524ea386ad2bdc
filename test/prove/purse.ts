/** People who pay each other while the program is killed under them, and who can say afterwards what each of them must have. */
import { systemClock, type Random } from '#kernel';
import type { Sim } from '../../src/apps/sims.ts';
import { ask, type Answer } from './people.ts';

const FUNDS = 1_000_000n;
const WITHDRAWN = 1_000n;
const PAYERS_EACH = 2;
const TRIES_MAX = 40;
/** What the made-up bank gives an account when it first hears of it. */
const BANK_OPENING = 10_000_000n;

interface Payment { readonly from: number; readonly to: number; readonly amount: bigint; readonly key: string; answer?: Answer }
type Query = <T extends Record<string, unknown>>(sql: string, values?: unknown[]) => Promise<T[]>;

export class Purse {
  readonly #o: { port: () => number; slug: string; bearers: readonly string[]; bank: Sim; random: Random };
  readonly #accounts: string[] = [];
  readonly #payments: Payment[] = [];
  readonly #withdrawals: { from: number; bank: string; key: string }[] = [];
  readonly #wrong: string[] = [];
  #keys = 0;
  #changed = 0;
  #retried = 0;
  constructor(o: { port: () => number; slug: string; bearers: readonly string[]; bank: Sim; random: Random }) {
    this.#o = o;
  }

  get figures(): Record<string, number> {
    const paid = this.#payments.filter((p) => p.answer?.status === 200).length;
    return { payments: this.#payments.length, payments_made: paid, payments_retried: this.#retried, answers_changed: this.#changed, withdrawals: this.#withdrawals.length };
  }

  #post(who: number, path: string, json: unknown, key: string): Promise<Answer> {
    return ask(this.#o.port(), 'POST', `/t/${this.#o.slug}/api${path}`, { bearer: this.#o.bearers[who] as string, json, headers: { 'idempotency-key': key } });
  }

  #key(): string {
    return `purse-${String(this.#keys += 1).padStart(8, '0')}`;
  }

  /** Opens an account for each, and fills it from the bank. */
  async open(): Promise<void> {
    for (const who of this.#o.bearers.keys()) {
      const opened = await this.#post(who, '/wallet/accounts', { currency: 'INR' }, this.#key());
      if (opened.status !== 201) throw new Error(`no account: ${opened.body}`);
      this.#accounts.push((JSON.parse(opened.body) as { account: string }).account);
      const filled = await this.#post(who, '/wallet/top-ups', { account: this.#accounts[who], amount: { amount: FUNDS.toString(), currency: 'INR' }, bank: `FUND${String(who).padStart(8, '0')}1` }, this.#key());
      if (filled.status !== 202) throw new Error(`not filled: ${filled.body}`);
    }
    for (const who of this.#o.bearers.keys()) {
      for (let tries = 0; await this.#balance(who) !== FUNDS; tries++) {
        if (tries > 200) throw new Error('the money did not come');
        await systemClock.sleep(100);
      }
    }
  }

  async #balance(who: number): Promise<bigint> {
    const answer = await ask(this.#o.port(), 'GET', `/t/${this.#o.slug}/api/wallet/accounts/${this.#accounts[who]}`, { bearer: this.#o.bearers[who] as string });
    return answer.status === 200 ? BigInt((JSON.parse(answer.body) as { balance: { amount: string } }).balance.amount) : -1n;
  }

  #send(p: Payment): Promise<Answer> {
    return this.#post(p.from, '/wallet/transfers', { from: this.#accounts[p.from], to: this.#accounts[p.to], amount: { amount: p.amount.toString(), currency: 'INR' } }, p.key);
  }

  /** Pays until `stop`; each wish once, and now and then an answered one again. */
  async pay(stop: AbortSignal): Promise<void> {
    const { random } = this.#o;
    await Promise.all(this.#o.bearers.flatMap((_, from) => Array.from({ length: PAYERS_EACH }, async () => {
      while (!stop.aborted) {
        const to = (from + 1 + random.int(this.#o.bearers.length - 1)) % this.#o.bearers.length;
        const p: Payment = { from, to, amount: BigInt(1 + random.int(50)), key: this.#key() };
        this.#payments.push(p);
        try {
          const answer = await this.#send(p);
          if (answer.status < 500) p.answer = answer;
          if (answer.status === 200 && random.int(5) === 0) this.#same(p, await this.#send(p));
        } catch {
          // The connection broke: whether it was paid is asked with the same key, later.
        }
        await systemClock.sleep(20);
      }
    })));
  }

  #same(p: Payment, again: Answer): void {
    this.#retried += 1;
    if (again.status >= 500) return;
    // A refusal names the request that it answers; all else of it is the answer.
    const said = (a: Answer | undefined): string => `${a?.status} ${a?.body.replace(/"trace":"[0-9a-f]{32}"/, '')}`;
    if (said(again) !== said(p.answer)) this.#changed += 1;
  }

  /** Asks for every payment until it has an answer, and for every answered one again. */
  async settle(): Promise<void> {
    for (const p of this.#payments) {
      for (let tries = 0; !p.answer; tries++) {
        if (tries > TRIES_MAX) throw new Error(`the payment ${p.key} gets no answer`);
        const answer = await this.#send(p).catch(() => undefined);
        if (answer && answer.status < 500 && !(answer.status === 409 && answer.body.includes('in-flight'))) p.answer = answer;
        else await systemClock.sleep(100);
      }
      this.#same(p, await this.#send(p));
    }
  }

  /** Sends money to a bank account of its own, so that the bank can say how often it came. Resolves to true when the order was taken. */
  async withdraw(n: number): Promise<boolean> {
    const known = this.#withdrawals[n];
    if (!known) this.#withdrawals.push({ from: n % this.#o.bearers.length, bank: `TAKE${String(n).padStart(8, '0')}1`, key: this.#key() });
    return this.#order(n);
  }

  async #order(n: number): Promise<boolean> {
    const { from, bank, key } = this.#withdrawals[n] as { from: number; bank: string; key: string };
    const answer = await this.#post(from, '/wallet/withdrawals', { account: this.#accounts[from], amount: { amount: WITHDRAWN.toString(), currency: 'INR' }, bank }, key);
    return answer.status === 202;
  }

  /** Asks for each withdrawal once more with its key: one whose answer was lost is taken once, and never twice. */
  async place(): Promise<void> {
    for (const n of this.#withdrawals.keys()) if (!await this.#order(n)) this.#wrong.push(`withdrawal ${n} is not taken`);
  }

  async #bankBalance(account: string): Promise<bigint> {
    const { base, token } = this.#o.bank;
    const answer = await fetch(`${base}/v1/balances/${account}`, { headers: { authorization: `Bearer ${token}` } });
    return BigInt((await answer.json() as { balance: string }).balance);
  }

  /** What is wrong with the books, the answers and the bank; nothing, if all is well. */
  async check(query: Query): Promise<string[]> {
    const wrong = this.#wrong;
    const made = this.#payments.filter((p) => p.answer?.status === 200);
    if (this.#changed) wrong.push(`${this.#changed} answers changed when they were asked for again`);
    // A day's count is used up in time; that refusal is an answer like any other, and stays the same.
    const others = this.#payments.filter((x) => x.answer?.status !== 200 && !x.answer?.body.includes('limit-reached'));
    for (const p of others) wrong.push(`a payment was answered ${p.answer?.status}: ${p.answer?.body.slice(0, 120)}`);
    const ids = new Set(made.map((p) => (JSON.parse((p.answer as Answer).body) as { payment: string }).payment));
    if (ids.size !== made.length) wrong.push(`${made.length} payments were answered with ${ids.size} numbers`);
    const [row] = await query<{ n: string }>('select count(*) as n from wallet.payment');
    if (Number(row?.n) !== made.length) wrong.push(`${row?.n} payments stand, ${made.length} were answered`);
    const due = this.#o.bearers.map(() => FUNDS);
    for (const p of made) {
      due[p.from] = (due[p.from] as bigint) - p.amount;
      due[p.to] = (due[p.to] as bigint) + p.amount;
    }
    for (const w of this.#withdrawals) {
      due[w.from] = (due[w.from] as bigint) - WITHDRAWN;
      const came = await this.#bankBalance(w.bank) - BANK_OPENING;
      if (came !== WITHDRAWN) wrong.push(`${came} came to the bank account ${w.bank}, ${WITHDRAWN} were sent`);
    }
    for (const [who, expected] of due.entries()) {
      const has = await this.#balance(who);
      if (has !== expected) wrong.push(`account ${who} has ${has}, its answers say ${expected}`);
    }
    const open = await query<{ state: string }>("select state from wallet.bank_order where state <> 'done'");
    if (open.length) wrong.push(`${open.length} bank orders did not come to their end: ${open[0]?.state}`);
    return wrong;
  }
}
