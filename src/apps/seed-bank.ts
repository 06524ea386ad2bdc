import { newTrace, perform, type Clock, type Tx, type Uuid } from '#kernel';
import { demoFeed } from '#products/taxrefund';
import { claim, list, open, topUp, transfer, type AccountView } from '#products/wallet';
import { enrol, type Profile } from '#spine/identity';
import type { Program } from './program.ts';

const SLUG = 'bank';
const OPENING = { amount: 4_500_000n, currency: 'INR' } as const;
const ARRIVES_MS_MAX = 15_000;

/** Runs a verb as a person would have it run, without a browser. */
function as<T>(program: Program, person: Uuid, run: (tx: Tx) => Promise<T>): Promise<T> {
  const tenant = program.directory.bySlug(SLUG);
  const cell = tenant && program.cells.get(tenant.cell);
  if (!tenant || !cell) throw new Error(`no tenant ${SLUG} here`);
  return perform(cell, tenant, { actor: { kind: 'person', id: person, session: person }, trace: newTrace() }, run);
}

async function accountOf(program: Program, person: Uuid, handle: string): Promise<AccountView> {
  return as(program, person, async (tx) => {
    const opened = await open(tx, { body: { currency: 'INR' } });
    if (!opened.ok) throw new Error(`no account: ${opened.problem.code}`);
    const named = await claim(tx, { params: { account: opened.value.account }, body: { handle } });
    return named.ok ? named.value : opened.value;
  });
}

const paise = (amount: bigint): { amount: bigint; currency: 'INR' } => ({ amount, currency: 'INR' });

/** Gives the demo's bank its people, an account and a name each, some money from their banks, and a few payments. A second start changes nothing. */
export async function seedBank(program: Program, clock: Clock): Promise<void> {
  const tenant = program.directory.bySlug(SLUG);
  if (!tenant) return;
  const people = demoFeed({ country: tenant.country }).people(clock.now());
  const first = people[0]?.taxpayer;
  if (!first) return;
  const profiles = people.map(({ taxpayer: { identifier, dateOfBirth, phone, name, nameLocal, language } }): Profile =>
    ({ identifier, dateOfBirth, phone, name, language, ...(nameLocal === undefined ? {} : { nameLocal }) }));
  const enrolled = await as(program, '0'.repeat(32) as Uuid, (tx) => enrol(tx.section, profiles));
  const known = await Promise.all(enrolled.map(async ({ person }) => {
    const answer = await as(program, person, (tx) => list(tx));
    return answer.ok && answer.value.accounts.length > 0;
  }));
  if (known.some((k) => k)) return;
  const accounts: AccountView[] = [];
  for (const [i, { person }] of enrolled.entries()) accounts.push(await accountOf(program, person, `@${people[i]?.key ?? 'person'}`));
  for (const [i, { person }] of enrolled.entries()) {
    const { account } = accounts[i] as AccountView;
    await as(program, person, (tx) => topUp(tx, { body: { account, amount: OPENING, bank: `DEMO000000000${i + 1}` } }));
  }
  const asha = enrolled[0]?.person as Uuid;
  const until = clock.monotonicMs() + ARRIVES_MS_MAX;
  for (;;) {
    const mine = await as(program, asha, (tx) => list(tx));
    if (mine.ok && mine.value.accounts.some((a) => a.balance.amount > 0n)) break;
    if (clock.monotonicMs() > until) throw new Error('the money of the demo’s bank did not arrive');
    await clock.sleep(100);
  }
  for (const [amount, note] of [[125_000n, 'rent of the shop'], [24_950n, 'lunch'], [8_000n, 'bus tickets']] as const) {
    await as(program, asha, (tx) => transfer(tx.section, [{
      actor: tx.actor, trace: tx.trace, atMs: 0, input: { body: { from: (accounts[0] as AccountView).account, to: '@ravi', amount: paise(amount), note } },
    }]));
  }
}
