/**
 * An independent model of the ledger: it keeps the history and adds it up again for every question, where the program keeps balances.
 * Slow and plain on purpose, and it shares no code with the program. Accounts are numbers, transfers have labels, time is in seconds.
 */

export interface ModelAccount { readonly debitNormal: boolean; readonly currency: string; readonly min: bigint | null; readonly max: bigint | null; readonly noDebit?: boolean; readonly noCredit?: boolean }

interface Common { readonly label: string; readonly ref?: boolean; readonly code?: number }
export type ModelDraft = Common & (
  | { readonly kind: 'transfer'; readonly debit: number; readonly credit: number; readonly amount: bigint; readonly currency: string; readonly effective?: string }
  | { readonly kind: 'pending'; readonly debit: number; readonly credit: number; readonly amount: bigint; readonly currency: string; readonly expires?: number }
  | { readonly kind: 'closing'; readonly account: number; readonly into: number }
  | { readonly kind: 'post' | 'reversal'; readonly target: string; readonly amount?: bigint; readonly currency: string }
  | { readonly kind: 'void' | 'expire'; readonly target: string });

/** 'posted', or why not and at which transfer; `reused` names the field in which a repeated name differs. */
export interface ModelOutcome { readonly said: string; readonly at: number }

interface Done { label: string; kind: ModelDraft['kind']; debit: number; credit: number; amount: bigint; time: number; day: string; effective: string | null; target?: string; expiresAt: number | null; closes?: number }
interface Sent { drafts: readonly ModelDraft[]; outcome: ModelOutcome; asked: Record<string, string | null>[]; day: string }

const TOO_LARGE = 2n ** 63n - 1n;

export class LedgerModel {
  readonly accounts: (ModelAccount & { frozen: boolean })[];
  done: Done[] = [];
  readonly sent = new Map<string, Sent>();
  /** Labels of refused transfers that bore a name: they are known, and nothing can be done to them. */
  readonly failed = new Set<string>();
  time = 0;
  day = '';

  constructor(accounts: readonly ModelAccount[]) {
    this.accounts = accounts.map((a) => ({ ...a, frozen: false }));
  }

  private find(label: string): Done | undefined {
    return this.done.find((d) => d.label === label);
  }

  /** What ended a hold. */
  private ending(label: string): Done | undefined {
    return this.done.find((d) => d.target === label && d.kind !== 'reversal');
  }

  private moves(d: Done): boolean {
    return d.kind === 'transfer' || d.kind === 'post' || d.kind === 'reversal';
  }

  private sign(account: number, d: { debit: number; credit: number }): bigint {
    if (d.debit !== account && d.credit !== account) return 0n;
    return (d.debit === account) === (this.accounts[account] as ModelAccount).debitNormal ? 1n : -1n;
  }

  posted(account: number): bigint {
    return this.done.filter((d) => this.moves(d)).reduce((sum, d) => sum + this.sign(account, d) * d.amount, 0n);
  }

  private held(account: number, direction: bigint): bigint {
    return this.done.filter((d) => (d.kind === 'pending' || d.kind === 'closing') && !this.ending(d.label) && this.sign(account, d) === direction)
      .reduce((sum, d) => sum + d.amount, 0n);
  }

  pendingIn(account: number): bigint {
    return this.held(account, 1n);
  }

  pendingOut(account: number): bigint {
    return this.held(account, -1n);
  }

  state(account: number): 'open' | 'closing' | 'closed' {
    const closings = this.done.filter((d) => d.closes === account);
    if (closings.some((d) => this.ending(d.label)?.kind === 'post')) return 'closed';
    return closings.some((d) => !this.ending(d.label)) ? 'closing' : 'open';
  }

  private broken(account: number): string | undefined {
    const { min, max } = this.accounts[account] as ModelAccount;
    if (min !== null && this.posted(account) - this.pendingOut(account) < min) return 'below-minimum';
    if (max !== null && this.posted(account) + this.pendingIn(account) > max) return 'above-maximum';
    const far = this.posted(account) + this.pendingIn(account) > TOO_LARGE || this.posted(account) - this.pendingOut(account) < -TOO_LARGE;
    return far ? 'balance-too-large' : undefined;
  }

  /** The first running balance outside the guards from a newly dated movement on, each movement counted at its time or the end of its day. */
  private brokenLater(account: number, fresh: Done): string | undefined {
    const { min, max } = this.accounts[account] as ModelAccount;
    const own = [...this.done, fresh].filter((d) => this.moves(d) && this.sign(account, d) !== 0n)
      .map((d, i) => ({ d, i, key: d.effective === null ? `${d.day} b ${String(d.time).padStart(12, '0')}` : `${d.effective} z` }));
    own.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.i - b.i));
    let balance = 0n, behind = false;
    const seen: bigint[] = [];
    for (const { d } of own) {
      balance += this.sign(account, d) * d.amount;
      behind ||= d === fresh;
      if (behind) seen.push(balance);
    }
    if (min !== null && seen.some((b) => b < min)) return 'below-minimum';
    return max !== null && seen.some((b) => b > max) ? 'above-maximum' : undefined;
  }

  /** Every reason that the books have against one transfer, in the order of precedence; the first one is the answer. */
  private why(d: ModelDraft): string | Done {
    const known = (n: number): boolean => n >= 0 && n < this.accounts.length;
    let debit: number, credit: number, amount: bigint, target: Done | undefined;
    if (d.kind === 'transfer' || d.kind === 'pending') {
      [debit, credit, amount] = [d.debit, d.credit, d.amount];
      if (!known(debit)) return 'debit-account-unknown';
      if (!known(credit)) return 'credit-account-unknown';
    } else if (d.kind === 'closing') {
      if (!known(d.account)) return 'debit-account-unknown';
      if (!known(d.into)) return 'credit-account-unknown';
      const balance = this.posted(d.account);
      const rises = (this.accounts[d.account] as ModelAccount).debitNormal;
      const byDebit = balance === 0n || (balance > 0n) !== rises;
      [debit, credit, amount] = [byDebit ? d.account : d.into, byDebit ? d.into : d.account, balance < 0n ? -balance : balance];
    } else {
      target = this.find(d.target);
      if (!target) return this.failed.has(d.target) ? (d.kind === 'reversal' ? 'target-not-reversible' : 'target-not-pending') : 'target-unknown';
      amount = ('amount' in d ? d.amount : undefined) ?? target.amount;
      [debit, credit] = d.kind === 'reversal' ? [target.credit, target.debit] : [target.debit, target.credit];
      const no = this.whyTarget(d, target, amount);
      if (no) return no;
    }
    const [from, to] = [this.accounts[debit] as LedgerModel['accounts'][0], this.accounts[credit] as LedgerModel['accounts'][0]];
    const said = d.kind === 'transfer' || d.kind === 'pending' || ('amount' in d && d.amount !== undefined) ? (d as { currency: string }).currency : from.currency;
    if (from.currency !== to.currency || said !== from.currency) return 'currency-mismatch';
    const free = d.kind === 'void' || d.kind === 'expire';
    const shut = (n: number): boolean => this.state(n) === 'closed' || (this.state(n) === 'closing' && target?.closes !== n);
    const checks: [boolean, string][] = free ? [] : [
      [shut(debit), 'debit-account-closed'], [shut(credit), 'credit-account-closed'], [from.frozen, 'debit-account-frozen'], [to.frozen, 'credit-account-frozen'],
      [d.kind !== 'post' && from.noDebit === true, 'debit-not-allowed'], [d.kind !== 'post' && to.noCredit === true, 'credit-not-allowed'],
      [d.kind === 'closing' && (this.pendingIn(d.account) !== 0n || this.pendingOut(d.account) !== 0n), 'holds-open'],
    ];
    const no = checks.find(([is]) => is);
    if (no) return no[1];
    const effective = d.kind === 'transfer' && d.effective !== undefined && d.effective !== this.day ? d.effective : null;
    const fresh: Done = {
      label: d.label, kind: d.kind, debit, credit, amount, time: this.time, day: this.day, effective, ...(target ? { target: target.label } : {}),
      expiresAt: d.kind === 'pending' && d.expires !== undefined ? this.time + d.expires : null, ...(d.kind === 'closing' ? { closes: d.account } : {}),
    };
    if (effective !== null) {
      const later = this.brokenLater(debit, fresh) ?? this.brokenLater(credit, fresh);
      if (later) return later;
    }
    this.done.push(fresh);
    const all = [this.broken(debit), this.broken(credit)];
    return ['below-minimum', 'above-maximum', 'balance-too-large'].find((reason) => all.includes(reason)) ?? fresh;
  }

  private whyTarget(d: ModelDraft & { target: string }, target: Done, amount: bigint): string | undefined {
    if (d.kind === 'reversal') {
      if (!this.moves(target) || target.amount === 0n) return 'target-not-reversible';
      const back = this.done.filter((o) => o.kind === 'reversal' && o.target === d.target).reduce((sum, o) => sum + o.amount, 0n);
      return back + amount > target.amount ? 'amount-over-original' : undefined;
    }
    if (target.kind !== 'pending' && target.kind !== 'closing') return 'target-not-pending';
    const end = this.ending(d.target);
    if (end) return end.kind === 'post' ? 'hold-posted' : end.kind === 'void' ? 'hold-voided' : 'hold-expired';
    const due = target.expiresAt !== null && target.expiresAt <= this.time;
    if (d.kind === 'expire') return due ? undefined : 'hold-not-due';
    if (due) return 'hold-expired';
    return amount > target.amount ? 'amount-over-hold' : undefined;
  }

  private asked(d: ModelDraft, leg: number): Record<string, string | null> {
    const own = 'debit' in d ? [d.debit, d.credit] : 'account' in d ? [d.account, d.into] : [null, null];
    const amount = 'amount' in d && d.amount !== undefined ? String(d.amount) : null;
    return {
      kind: d.kind, debit: own[0] === null ? null : String(own[0]), credit: own[1] === null ? null : String(own[1]), 
      target: 'target' in d ? d.target : null, amount, effective: d.kind === 'transfer' ? d.effective ?? null : null,
      expiresInSeconds: d.kind === 'pending' ? String(d.expires ?? '') : null, code: String(d.code ?? 0), leg: String(leg),
    };
  }

  /** A posting whose names were all sent before, together. */
  private again(drafts: readonly ModelDraft[], before: Sent): ModelOutcome {
    const size = before.drafts.length;
    for (const [i, d] of drafts.entries()) {
      const [now, then] = [this.asked(d, i), before.asked[i] ?? {}];
      for (const field of Object.keys(now)) {
        const posted = before.outcome.said === 'posted';
        const all = 'target' in d ? String(this.find(d.target)?.amount) : '';
        // Where it was posted: no date says the same as the day of posting, and no amount the same as all of the target.
        const same = now[field] === then[field]
          || (posted && field === 'effective' && (now[field] ?? before.day) === (then[field] ?? before.day))
          || (posted && field === 'amount' && (now[field] ?? all) === (then[field] ?? all));
        if (!same) return { said: field, at: i };
      }
    }
    return drafts.length === size ? before.outcome : { said: 'transfers', at: 0 };
  }

  post(drafts: readonly ModelDraft[]): ModelOutcome {
    const before = drafts[0]?.ref ? this.sent.get(drafts[0].label) : undefined;
    if (before) return this.again(drafts, before);
    const kept = [...this.done];
    let outcome: ModelOutcome = { said: 'posted', at: 0 };
    for (const [i, d] of drafts.entries()) {
      const result = this.why(d);
      if (typeof result !== 'string') continue;
      outcome = { said: result, at: i };
      this.done = kept;
      for (const one of drafts) if (one.ref) this.failed.add(one.label);
      break;
    }
    for (const d of drafts) if (d.ref) this.sent.set(d.label, { drafts, outcome, asked: drafts.map((one, i) => this.asked(one, i)), day: this.day });
    return outcome;
  }
}
