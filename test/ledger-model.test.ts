/**
 * Random sequences of commands through the program and through an independent model (test/model/ledger.ts): every outcome, and at the
 * end every balance, must be the same. Many sequences share each batch, as callers do. MODEL_SEQUENCES and MODEL_SEED change the run.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addDays, civilDateIn, uuidv7, systemRandom, type CivilDate, type Currency, type Outcome, type Uuid } from '#kernel';
import { accounts, addChart, freeze, openAccounts, post, transferIdOf, type Posted, type Posting, type TransferDraft } from '#spine/ledger';
import { by, house, type House } from '#test';
import { LedgerModel, type ModelAccount, type ModelDraft } from './model/ledger.ts';

const SEQUENCES = Number(process.env.MODEL_SEQUENCES ?? 10_000);
const SEED = Number(process.env.MODEL_SEED ?? 7);
const TOGETHER = 1000;
const STEPS = 12;
/** Half a day between steps: holds expire and days pass. */
const STEP_S = 43_200;

const ACCOUNTS: readonly (ModelAccount & { code: string })[] = [
  { code: 'cash', debitNormal: true, currency: 'INR', min: null, max: null },
  { code: 'wallet', debitNormal: false, currency: 'INR', min: 0n, max: null },
  { code: 'wallet', debitNormal: false, currency: 'INR', min: 0n, max: 500n },
  { code: 'wallet', debitNormal: false, currency: 'USD', min: null, max: null },
  { code: 'till', debitNormal: true, currency: 'INR', min: -50n, max: 300n, noCredit: true },
];
const UNKNOWN = 9;

/** A command as generated; targets are chosen among earlier labels when it is run. */
interface Raw { kind: string; a: number; b: number; amount: number; dollars: boolean; back: number; life: number; pick: number; part: boolean; ref: boolean; code: number }
interface Step { group: Raw[]; again: number; change: number; frozen: number }

const account = fc.oneof({ weight: 24, arbitrary: fc.constantFrom(0, 1, 1, 2, 4) }, { weight: 2, arbitrary: fc.constant(3) }, { weight: 1, arbitrary: fc.constant(UNKNOWN) });
const raw: fc.Arbitrary<Raw> = fc.record({
  kind: fc.constantFrom('transfer', 'transfer', 'transfer', 'transfer', 'pending', 'pending', 'post', 'void', 'post', 'reversal', 'closing', 'expire'),
  a: account, b: account, amount: fc.constantFrom(1, 10, 40, 100, 250, 500), dollars: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
  back: fc.constantFrom(-1, -1, -1, -1, -1, 0, 1, 2, 4), life: fc.constantFrom(0, 0, 1, 2), pick: fc.nat(30), part: fc.boolean(),
  ref: fc.integer({ min: 0, max: 2 }).map((n) => n === 0), code: fc.constantFrom(0, 0, 7),
});
const step: fc.Arbitrary<Step> = fc.record({
  group: fc.oneof({ weight: 6, arbitrary: fc.array(raw, { minLength: 1, maxLength: 1 }) }, { weight: 1, arbitrary: fc.array(raw, { minLength: 2, maxLength: 4 }) }),
  again: fc.integer({ min: 0, max: 11 }), change: fc.constantFrom(0, 0, 1, 2), frozen: fc.integer({ min: 0, max: 999 }),
});

let h: House;
beforeAll(async () => { h = await house({ serve: ['IN'] }); });
afterAll(() => h.stop());

/** One sequence in both worlds. */
interface Player { readonly name: string; readonly ids: readonly Uuid[]; readonly model: LedgerModel; readonly steps: readonly Step[]; readonly labels: string[]; readonly known: Map<string, Uuid>; readonly sent: ModelDraft[][]; readonly frozen: Set<number> }

function draftOf(p: Player, raws: Raw, label: string, today: CivilDate, own: readonly string[]): ModelDraft | undefined {
  const common = { label, ref: raws.ref, code: raws.code };
  const targets = [...p.labels, ...own];
  const target = targets.length ? targets[raws.pick % targets.length] as string : 'nothing';
  const currency = raws.dollars ? 'USD' : 'INR';
  const amount = BigInt(raws.amount);
  if (raws.kind === 'transfer') {
    if (raws.a === raws.b) return undefined;
    return { ...common, kind: 'transfer', debit: raws.a, credit: raws.b, amount, currency, ...(raws.back >= 0 ? { effective: addDays(today, -raws.back) } : {}) };
  }
  if (raws.kind === 'pending') {
    if (raws.a === raws.b) return undefined;
    return { ...common, kind: 'pending', debit: raws.a, credit: raws.b, amount, currency, ...(raws.life ? { expires: raws.life * STEP_S - STEP_S / 2 } : {}) };
  }
  // Closing now and then only: a closed account ends what a sequence can find.
  if (raws.kind === 'closing') return raws.a === raws.b || raws.pick % 4 ? undefined : { ...common, kind: 'closing', account: raws.a, into: raws.b };
  if (raws.kind === 'void' || raws.kind === 'expire') return { ...common, kind: raws.kind, target };
  return { ...common, kind: raws.kind as 'post' | 'reversal', target, currency, ...(raws.part ? { amount } : {}) };
}

/** The drafts of a step: new ones, or those of an earlier step once more, the same or changed. */
function draftsOf(p: Player, s: number, today: CivilDate): ModelDraft[] | undefined {
  const now = p.steps[s] as Step;
  const before = now.again < p.sent.length ? p.sent[now.again] : undefined;
  if (before?.every((d) => d.ref)) {
    if (now.change === 1 && before.length > 1) return before.slice(0, -1);
    return now.change !== 2 ? before : before.map((d) => ('amount' in d && d.amount !== undefined ? { ...d, amount: d.amount + 1n } : d) as ModelDraft);
  }
  const linked = now.group.length > 1 || (now.group[0]?.ref ?? false);
  const own: string[] = [];
  const drafts: ModelDraft[] = [];
  for (const [i, raws] of now.group.entries()) {
    const label = `${s}.${i}`;
    // Names for all of a posting or for none, so that it can be sent again as a whole.
    const draft = draftOf(p, { ...raws, ref: linked && (now.group[0] as Raw).ref }, label, today, own);
    if (!draft) continue;
    drafts.push(draft);
    if (draft.ref) own.push(label);
  }
  return drafts.length ? drafts : undefined;
}

const unknown = uuidv7(new Date(0), systemRandom);

function toProgram(p: Player, d: ModelDraft): TransferDraft {
  const id = (n: number): Uuid => p.ids[n] ?? unknown;
  const common = { ...(d.ref ? { ref: `${p.name}/${d.label}` } : {}), code: d.code ?? 0 };
  const money = (amount: bigint, currency: string): { amount: bigint; currency: Currency } => ({ amount, currency: currency as Currency });
  const target = 'target' in d ? p.known.get(d.target) ?? unknown : unknown;
  if (d.kind === 'transfer') return { ...common, kind: 'transfer', debit: id(d.debit), credit: id(d.credit), amount: money(d.amount, d.currency), ...(d.effective ? { effective: d.effective as CivilDate } : {}) };
  if (d.kind === 'pending') return { ...common, kind: 'pending', debit: id(d.debit), credit: id(d.credit), amount: money(d.amount, d.currency), ...(d.expires ? { expiresInSeconds: d.expires } : {}) };
  if (d.kind === 'closing') return { ...common, kind: 'closing', account: id(d.account), into: id(d.into) };
  if (d.kind === 'void' || d.kind === 'expire') return { ...common, kind: d.kind, target };
  const back = d as ModelDraft & { kind: 'post' | 'reversal' };
  return { ...common, kind: back.kind, target, ...(back.amount === undefined ? {} : { amount: money(back.amount, back.currency) }) };
}

const told = (o: Outcome<Posted>): { said: string; at: number } =>
  (o.ok ? { said: 'posted', at: 0 } : { said: String(o.data.reason ?? o.data.field), at: Number(o.data.transfer) });

/** Runs one step of all sequences in one batch, and compares every outcome. */
async function runStep(players: readonly Player[], s: number, time: number, today: CivilDate, said: Map<string, number>): Promise<void> {
  await h.perform('india', async (tx) => {
    for (const p of players) {
      p.model.time = time;
      p.model.day = today;
      const n = (p.steps[s] as Step).frozen;
      if (n >= ACCOUNTS.length || p.model.state(n) === 'closed') continue;
      const frozen = !p.frozen.delete(n);
      if (frozen) p.frozen.add(n);
      (p.model.accounts[n] as { frozen: boolean }).frozen = frozen;
      await freeze(tx.section, p.ids[n] as Uuid, frozen);
    }
  });
  const turns = players.flatMap((p) => {
    const drafts = draftsOf(p, s, today);
    if (!drafts) return [];
    for (const d of drafts) if (d.ref) p.known.set(d.label, transferIdOf(h.tenant().id, `${p.name}/${d.label}`));
    return [{ p, drafts }];
  });
  const outcomes = await h.perform('india', (tx) => {
    expect(tx.today).toBe(today);
    return post(tx.section, turns.map(({ p, drafts }): Posting => ({ by, transfers: drafts.map((d) => toProgram(p, d)) })));
  });
  turns.forEach(({ p, drafts }, i) => {
    const outcome = outcomes[i] as Outcome<Posted>;
    const wanted = p.model.post(drafts);
    const got = told(outcome);
    if (got.said !== wanted.said || (wanted.said !== 'transfers' && got.at !== wanted.at)) {
      throw new Error(`sequence ${p.name} of seed ${SEED}, step ${s}: ${JSON.stringify({ got, wanted, drafts, sent: p.sent }, (_, v: unknown) => (typeof v === 'bigint' ? v.toString() : v))}`);
    }
    said.set(wanted.said, (said.get(wanted.said) ?? 0) + 1);
    if (outcome.ok) outcome.value.transfers.forEach((t, k) => p.known.set((drafts[k] as ModelDraft).label, t.id));
    p.sent.push(drafts);
    for (const d of drafts) if (!p.labels.includes(d.label)) p.labels.push(d.label);
  });
}

async function compareBalances(players: readonly Player[]): Promise<void> {
  const views = new Map((await h.perform('india', (tx) => accounts(tx, players.flatMap((p) => p.ids)))).map((v) => [v.account, v]));
  const different = players.flatMap((p) => p.ids.flatMap((id, n) => {
    const v = views.get(id);
    const got = `${v?.posted} ${v?.pendingIn} ${v?.pendingOut} ${v?.state}`;
    const wanted = `${p.model.posted(n)} ${p.model.pendingIn(n)} ${p.model.pendingOut(n)} ${p.model.state(n)}`;
    return got === wanted ? [] : [`sequence ${p.name} of seed ${SEED}, account ${n}: ${got}, and the model says ${wanted}`];
  }));
  expect(different).toEqual([]);
}

/** Moves the tenant's clock to six in the morning of a coming day, so that no step lies near midnight. */
async function startOfClock(): Promise<number> {
  const { zone } = h.tenant();
  const now = await h.perform('india', async (tx) => tx.now.getTime());
  for (let hour = 0; ; hour++) {
    const at = new Date(now + hour * 3_600_000);
    const clock = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', hourCycle: 'h23' }).format(at);
    if (clock === '06' && hour > 0) return hour * 3_600_000;
  }
}

it(`${SEQUENCES} sequences end as the model says`, { timeout: 60_000 + SEQUENCES * 20 }, async () => {
  const sequences = fc.sample(fc.array(step, { minLength: STEPS, maxLength: STEPS }), { numRuns: SEQUENCES, seed: SEED });
  await h.perform('india', (tx) => addChart(tx.section, [
    { code: 'cash', kind: 'asset' }, { code: 'wallet', kind: 'liability' }, { code: 'till', kind: 'asset' },
  ]));
  const said = new Map<string, number>();
  let offset = await startOfClock();
  for (let from = 0; from < sequences.length; from += TOGETHER) {
    const part = sequences.slice(from, from + TOGETHER);
    const opened = await h.perform('india', (tx) => openAccounts(tx.section, part.flatMap(() => ACCOUNTS.map((a) => ({
      code: a.code, currency: a.currency as Currency, holder: tx.uuid(), guards: { minimum: a.min, maximum: a.max, noCredit: a.noCredit ?? false },
    })))));
    if (!opened.ok) throw new Error(JSON.stringify(opened.data));
    const players = part.map((steps, i): Player => ({
      name: String(from + i), ids: opened.value.slice(i * ACCOUNTS.length, (i + 1) * ACCOUNTS.length), model: new LedgerModel(ACCOUNTS), steps, labels: [],
      known: new Map(), sent: [], frozen: new Set(),
    }));
    for (let s = 0; s < STEPS; s++) {
      await h.clockOffset('india', offset);
      const at = await h.perform('india', async (tx) => tx.now);
      await runStep(players, s, s * STEP_S, civilDateIn(h.tenant().zone, at), said);
      offset += STEP_S * 1000;
    }
    await compareBalances(players);
    // The next part begins at six in the morning again.
    if (STEPS % 2) offset += STEP_S * 1000;
  }
  // A run that never met a reason proves nothing about it.
  const rare = ['posted', 'below-minimum', 'above-maximum', 'hold-expired', 'hold-posted', 'hold-voided', 'hold-not-due', 'amount-over-hold', 'amount-over-original', 'target-unknown',
    'target-not-pending', 'target-not-reversible', 'debit-account-unknown', 'credit-account-unknown', 'currency-mismatch', 'debit-account-closed', 'credit-account-frozen',
    'credit-not-allowed', 'holds-open', 'amount', 'transfers'];
  if (SEQUENCES >= 10_000) expect(rare.filter((reason) => !said.has(reason))).toEqual([]);
  const [sum] = await h.sql('IN', 'superuser')<{ sum: bigint; broken: bigint }>(`select sum(case when flags & 1 = 1 then posted else -posted end)::bigint as sum,
    count(*) filter (where posted - pending_out < minimum or posted + pending_in > maximum) as broken from ledger.account`);
  expect(sum).toEqual({ sum: 0n, broken: 0n });
});
