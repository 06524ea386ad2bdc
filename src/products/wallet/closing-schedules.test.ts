import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addDays, perform, uuidOf, type Actor, type CivilDate, type Tx } from '#kernel';
import { house, inrWire, races, wallets, type House, type Races, type Wallet, type Wallets } from '#test';
import { close } from './service/closing.ts';
import { runDue } from './service/schedules.ts';
import { checks } from './service/verify.ts';

const DAY_MS = 86_400_000;
const SYSTEM: Actor = { kind: 'system', name: 'test' };
let h: House, w: Wallets, held: Races['held'], waits: Races['waits'], today: CivilDate;
beforeAll(async () => { h = await house({ limits: false }); w = wallets(h); ({ held, waits } = races(h)); });
beforeAll(async () => { today = await h.perform('india', async (tx) => tx.today); });
afterAll(() => h.stop());

const su = <T extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<T[]> => h.sql('IN', 'superuser')<T>(text, values);
type Cell = ReturnType<House['cell']>;
/** Signing somebody in runs what is due already: whatever is planned here is planned when all who take part are there. */
const runOn = (cell: Cell): Promise<number> => perform(cell, h.tenant(), { actor: SYSTEM, trace: '0'.repeat(32) }, (tx) => runDue(tx.section));
const run = (): Promise<number> => runOn(h.cell());
const plan = async (from: Wallet, to: string, every: 'once' | 'week' = 'week'): Promise<`wsch_${string}`> =>
  (await w.post(from.who, '/wallet/schedules', { from: from.account, to, amount: inrWire(500), firstOn: today, every }))
    .json<{ schedule: `wsch_${string}` }>().schedule;
const row = async (id: `wsch_${string}`): Promise<unknown[]> => (await su<{ state: string; why: string | null; runs: number }>(
  'select state, last_problem as why, runs from wallet.schedule where id = $1', [uuidOf(id)])).map((s) => [s.state, s.why, s.runs])[0] as unknown[];
const ENDED = ['stopped', 'payee-closed', 1];
/** What became known of the end: events, facts and notices. */
async function told(id: `wsch_${string}`): Promise<number[]> {
  await h.settle();
  const count = async (text: string, value: string): Promise<number> => (await su(text, [value])).length;
  return [
    await count("select 1 from events.log where topic = 'wallet.schedule-ended' and data::json->>'schedule' = $1", uuidOf(id)),
    await count("select 1 from audit.entry where action = 'wallet.schedule-ended' and resource = $1", id),
    await count("select 1 from notify.notice where kind = 'wallet.schedule-ended' and dedupe = $1", uuidOf(id)),
  ];
}
const posted = async (account: `wal_${string}`): Promise<bigint> => (await su<{ posted: bigint }>(
  'select l.posted from wallet.account a join ledger.account l on l.id = a.ledger where a.id = $1', [uuidOf(account)]))[0]?.posted as bigint;
async function verified(): Promise<void> {
  for (const check of checks) expect(await check.run({ cell: h.cell(), tenant: h.tenant() }), check.name).toEqual([]);
}
const closing = (x: Wallet, into?: `wal_${string}`) => (tx: Tx): Promise<unknown> =>
  close(tx, { params: { account: x.account }, body: into ? { into } : {} });

describe('a schedule of somebody else into an account that was closed', () => {
  it('ends on its next day, says why, tells its owner once, and nothing more is tried', async () => {
    const [asha, ravi] = [await w.wallet(), await w.wallet(5_000)];
    const [weekly, once] = [await plan(ravi, asha.handle), await plan(ravi, asha.handle, 'once')];
    expect((await w.close(asha)).status).toBe(200);
    expect(await row(weekly)).toEqual(['active', null, 0]);
    await run();
    expect([await row(weekly), await row(once)]).toEqual([ENDED, ENDED]);
    expect([await told(weekly), await told(once)]).toEqual([[1, 1, 1], [1, 1, 1]]);
    const refusals = async (): Promise<number> => (await su("select 1 from audit.entry where action = 'wallet.payment-refused' and resource = $1",
      [ravi.account])).length;
    const before = await refusals();
    expect(await run()).toBe(0);
    await su('update wallet.schedule set next_on = next_on - 30 where id = any($1)', [[uuidOf(weekly), uuidOf(once)]]);
    expect([await run(), await refusals(), await told(weekly)]).toEqual([0, before, [1, 1, 1]]);
    const page = await h.request({ path: '/wallet/schedules', cookies: ravi.who.cookies });
    expect(page.text).toContain('The account that it paid was closed. Nothing more is sent by it.');
    expect((await h.request({ path: '/notifications', cookies: ravi.who.cookies })).text).toContain('A scheduled payment of ₹5.00 has ended');
    expect(await posted(ravi.account)).toBe(5_000n);
    await verified();
  });
  it('ends also where its owner’s account could not have paid', async () => {
    const [asha, ravi, other] = [await w.wallet(), await w.wallet(), await w.wallet(700)];
    const [poor, frozen] = [await plan(ravi, asha.handle), await plan(other, asha.handle)];
    await w.post(other.who, `/wallet/accounts/${other.account}/freeze`, { frozen: true });
    expect((await w.close(asha)).status).toBe(200);
    await run();
    expect([await row(poor), await row(frozen)]).toEqual([ENDED, ENDED]);
  });
  it('is tried again where the account is only frozen', async () => {
    const [asha, ravi] = [await w.wallet(), await w.wallet(5_000)];
    const weekly = await plan(ravi, asha.handle);
    const freeze = (frozen: boolean): Promise<unknown> => w.post(asha.who, `/wallet/accounts/${asha.account}/freeze`, { frozen });
    await freeze(true);
    await run();
    expect([await row(weekly), await told(weekly)]).toEqual([['active', 'payee-cannot-receive', 1], [0, 0, 0]]);
    await freeze(false);
    await su('update wallet.schedule set next_on = $2 where id = $1', [uuidOf(weekly), today]);
    await run();
    expect([await row(weekly), await posted(asha.account)]).toEqual([['active', null, 2], 500n]);
    await verified();
  });
  it('ends once with two processes at work and a run that dies before its commit', { timeout: 60_000 }, async () => {
    const [one, two] = [h.anotherCell(), h.anotherCell()];
    const ravi = await w.wallet(50_000);
    const payees: Wallet[] = [], ids: `wsch_${string}`[] = [];
    for (let i = 0; i < 6; i++) payees.push(await w.wallet());
    for (const asha of payees) {
      ids.push(await plan(ravi, asha.handle));
      expect((await w.close(asha)).status).toBe(200);
    }
    await expect(perform(one, h.tenant(), { actor: SYSTEM, trace: '0'.repeat(32) }, async (tx) => {
      await runDue(tx.section);
      throw new Error('died');
    })).rejects.toThrow('died');
    expect(await row(ids[0] as `wsch_${string}`)).toEqual(['active', null, 0]);
    await Promise.all([runOn(one), runOn(two), runOn(one), runOn(two)]);
    await Promise.all([runOn(two), runOn(one)]);
    for (const id of ids) expect([await row(id), await told(id)]).toEqual([ENDED, [1, 1, 1]]);
    await verified();
  });
});

describe('a closing that meets the run', () => {
  it('and comes first: the run waits for it, and ends the schedule in the same go', async () => {
    const [asha, ravi] = [await w.wallet(), await w.wallet(5_000)];
    const weekly = await plan(ravi, asha.handle);
    const first = await held({ kind: 'person', id: asha.who.person } as Actor, closing(asha));
    const later = runOn(h.anotherCell());
    await waits();
    expect(await first.go()).toMatchObject({ ok: true });
    await later;
    expect([await row(weekly), await told(weekly), await posted(ravi.account)]).toEqual([ENDED, [1, 1, 1], 5_000n]);
    await verified();
  });
  it('and comes second: the payment counts, and the schedule ends a week later', { timeout: 60_000 }, async () => {
    const [asha, ravi] = [await w.wallet(), await w.wallet(5_000)];
    const into = await w.another(asha.who);
    const weekly = await plan(ravi, asha.handle);
    const first = await held(SYSTEM, (tx) => runDue(tx.section));
    const later = w.close(asha, into);
    await waits();
    await first.go();
    expect((await later).json()).toMatchObject({ rest: inrWire(500) });
    expect([await row(weekly), await posted(into)]).toEqual([['active', null, 1], 500n]);
    await h.clockOffset('india', 7 * DAY_MS);
    await run();
    expect([await row(weekly), await told(weekly)]).toEqual([['stopped', 'payee-closed', 2], [1, 1, 1]]);
    expect((await su<{ next_on: string }>('select next_on::text from wallet.schedule where id = $1', [uuidOf(weekly)]))[0]?.next_on).toBe(addDays(today, 7));
    await verified();
  });
});
