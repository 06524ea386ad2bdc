import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderObjects } from '#adapters/objects';
import { addDays, provide, systemClock, systemRandom, Unavailable, type Authenticator } from '#kernel';
import { ObjectStore } from '#platform/objects/port';
import { house, machineByHeader, probe, somebody, type Answer, type House, type Person, type SignedIn } from '#test';
import { DocumentsDue } from './contract.ts';
import { disposeDue } from './service/disposal.ts';

const DAY = 86_400_000;
const operatorByHeader: Authenticator = {
  name: 'disposal.operator',
  authenticate: (_, { headers }) => (typeof headers['x-operator'] === 'string'
    ? { actor: { kind: 'operator', id: headers['x-operator'] as never, permissions: ['wallet:kyc'] }, bySecret: 'header' } : undefined),
};
let h: House;
/** What the store's next removal comes to: away before it removed anything, or gone quiet after it did. */
let trouble: 'before' | 'after' | undefined;
beforeAll(async () => {
  let store: ObjectStore | undefined;
  h = await house({
    add: [probe({ authenticators: [machineByHeader, operatorByHeader] })], limits: false,
    provided: () => [provide(ObjectStore, (): ObjectStore => {
      const files = (store ??= folderObjects(join(h.folder, 'objects')));
      return {
        ...files,
        async remove(key) {
          if (trouble === 'before') throw new Unavailable('away');
          await files.remove(key);
          if (trouble === 'after') throw new Unavailable('no answer');
        },
      };
    })],
  });
});
afterAll(() => h.stop());

const su = <T extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<T[]> => h.sql('IN', 'superuser')<T>(text, values);
const office = (operator: string, path: string, json?: unknown): Promise<Answer> =>
  h.request({ path: `/api/wallet/office${path}`, headers: { 'x-operator': operator.repeat(32) }, ...(json === undefined ? {} : { json }) });
const png = (text: string): Buffer => Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from(text)]);
interface Kyc { case: { case: string; documents: { document: string; disposedAt: string | null }[] } | null }
let keys = 0;
const post = (who: SignedIn, path: string, json: unknown): Promise<Answer> =>
  h.request({ method: 'POST', path: `/api${path}`, json, bearer: who.bearer, idempotencyKey: `disposal-key-${keys += 1}` });
const send = async (who: SignedIn, bytes: Buffer): Promise<{ id: string; document: string }> => {
  const answer = await post(who, '/wallet/kyc/documents', { kind: 'identity', type: 'image/png', data: bytes.toString('base64') });
  expect(answer.status, answer.text).toBe(201);
  const made = answer.json<Kyc>().case;
  return { id: made?.case as string, document: made?.documents.at(-1)?.document as string };
};
interface Sent { person: Person; who: SignedIn; bytes: Buffer; id: string; document: string }
async function sent(): Promise<Sent> {
  const person = somebody();
  const who = await h.signIn(person);
  await post(who, '/wallet/accounts', { currency: 'INR' });
  const bytes = png(`paper of ${systemRandom.bytes(8).toString('hex')}`);
  return { person, who, bytes, ...await send(who, bytes) };
}
const refuse = (s: { id: string }): Promise<Answer> => office('1', `/kyc/${s.id}/decision`, { verdict: 'refuse', reason: 'unreadable' });
async function approve(s: { id: string }): Promise<void> {
  for (const operator of ['1', '2']) expect((await office(operator, `/kyc/${s.id}/decision`, { verdict: 'approve' })).status).toBe(200);
}
interface Row { object: string; disposing_at: Date | null; disposed_at: Date | null }
const rowOf = async ({ document }: { document: string }): Promise<Row> =>
  (await su<Row & Record<string, unknown>>('select object, disposing_at, disposed_at from wallet.document where id = $1', [document.slice(5)]))[0] as Row;
const there = async (s: { document: string }): Promise<boolean> => existsSync(join(h.folder, 'objects', h.tenant().id, (await rowOf(s)).object));
const download = (s: { document: string }): Promise<Answer> =>
  h.request({ path: `/wallet/office/documents/${s.document}`, headers: { 'x-operator': '1'.repeat(32) } });
const facts = async (s: { document: string }): Promise<number> =>
  (await su("select 1 from audit.entry where action = 'wallet.document-disposed' and resource = $1", [s.document])).length;
/** One night's look, and all that it leaves to do. */
async function night(): Promise<void> {
  await h.perform('india', async (tx) => tx.later(DocumentsDue, {}));
  await h.runJobs();
  await su("update jobs.job set run_at = $1 where name like 'wallet.d%' and lease_until is null and dead_at is null", [systemClock.now()]);
  await h.runJobs();
}

describe('documents of a settled case', () => {
  it('of a refused one go half a year later, once, and only what they were is still known', { timeout: 60_000 }, async () => {
    const [s, open] = [await sent(), await sent()];
    await refuse(s);
    await h.clockOffset('india', 179 * DAY);
    await night();
    expect([await there(s), (await download(s)).status]).toEqual([true, 200]);
    await h.clockOffset('india', 181 * DAY);
    await Promise.all([night(), night()]);
    await night();
    expect(await there(s)).toBe(false);
    const row = await rowOf(s);
    expect([row.disposing_at instanceof Date, row.disposed_at instanceof Date, await facts(s)]).toEqual([true, true, 1]);
    const gone = await h.request({ path: `/api/wallet/office/documents/${s.document}`, headers: { 'x-operator': '1'.repeat(32) } });
    expect([gone.status, gone.json<{ type: string }>().type, (await download(s)).status]).toEqual([410, '/problems/document-gone', 410]);
    expect((await office('1', `/kyc/${s.id}`)).json<{ papers: { disposedAt: string }[] }>().papers[0]?.disposedAt).toMatch(/^20/);
    // Nobody has decided about the other one.
    expect([await there(open), await facts(open)]).toEqual([true, 0]);
    await h.clockOffset('india', 0);
  });

  it('of an approved one go five years after the last account was closed, and later where a list stands against it', { timeout: 60_000 }, async () => {
    const [s, other, flagged] = [await sent(), await sent(), await sent()];
    for (const one of [s, other, flagged]) await approve(one);
    const close = (one: Sent, days: number): Promise<unknown> =>
      su("update wallet.account set state = 'closed', closed_at = $2 where person = $1", [one.who.person, new Date(systemClock.now().getTime() + days * DAY)]);
    await close(s, 100);
    await close(flagged, 100);
    await su(`insert into wallet.hit (tenant, id, person, entry, score, state, found_at, operator, decided_at)
      values ($1, gen_random_uuid(), $2, 'Q1', 990, 'confirmed', $3, gen_random_uuid(), $3)`, [h.tenant().id, flagged.who.person, systemClock.now()]);
    await h.clockOffset('india', (100 + 1826) * DAY);
    await night();
    expect(await there(s)).toBe(true);
    await h.clockOffset('india', (100 + 1828) * DAY);
    await night();
    expect([await there(s), await facts(s), await there(other), await there(flagged)]).toEqual([false, 1, true, true]);
    await su("update wallet.hit set state = 'cleared' where person = $1", [flagged.who.person]);
    await night();
    expect([await there(flagged), await there(other)]).toEqual([false, true]);
    await h.clockOffset('india', 0);
  });

  it('begin to count when their holder closes the last account, and not before', { timeout: 60_000 }, async () => {
    const one = await sent();
    await approve(one);
    const LONG = 1830;
    const close = async (who: SignedIn): Promise<void> => {
      const { accounts } = (await h.request({ path: '/api/wallet/accounts', bearer: who.bearer })).json<{ accounts: { account: string }[] }>();
      expect(accounts).toHaveLength(1);
      expect((await post(who, `/wallet/accounts/${accounts[0]?.account ?? ''}/close`, {})).status).toBe(200);
    };
    /** Whether the look finds them on a day that is so many days from now. */
    const foundOn = async (days: number): Promise<boolean> => {
      await h.clockOffset('india', days * DAY);
      await h.perform('india', (tx) => disposeDue(tx));
      return (await rowOf(one)).disposing_at !== null;
    };
    // Never closed: kept, however long.
    expect(await foundOn(LONG)).toBe(false);
    await h.clockOffset('india', 0);
    await close(one.who);
    // Another account was opened since: what counts is when that one is closed.
    expect((await post(one.who, '/wallet/accounts', { currency: 'INR' })).status).toBe(201);
    expect(await foundOn(LONG)).toBe(false);
    // The clock jumped over five years of business days; their runs are not what is looked at here.
    await su(`insert into wallet.eod_run (tenant, day, state, reached, total, done, started_at, batch_at, finished_at)
      values ($1, $2, 'done', $1, 0, 0, $3, $3, $3) on conflict do nothing`,
    [h.tenant().id, await h.perform('india', async (tx) => addDays(tx.today, -1)), systemClock.now()]);
    await close(await h.signIn(one.person));
    expect([await foundOn(LONG + 1826), await foundOn(LONG + 1828)]).toEqual([false, true]);
    await night();
    expect([await there(one), await facts(one), (await download(one)).status]).toEqual([false, 1, 410]);
    await h.clockOffset('india', 0);
  });

  it('stay where another case stands for the same object; sent again after they went, they are kept under another name', { timeout: 60_000 }, async () => {
    const s = await sent();
    await refuse(s);
    const again = await send(s.who, s.bytes);
    expect((await rowOf(again)).object).toBe((await rowOf(s)).object);
    await h.clockOffset('india', 200 * DAY);
    await night();
    expect([await facts(s), (await rowOf(again)).disposing_at, await there(again), (await download(again)).bytes.equals(s.bytes)])
      .toEqual([1, null, true, true]);
    // The same content a third time, while the first one is gone: a name of its own.
    const third = await send(await h.signIn(s.person), s.bytes);
    expect((await rowOf(third)).object).not.toBe((await rowOf(s)).object);
    await refuse(third);
    await h.clockOffset('india', 400 * DAY);
    await night();
    expect([await there(again), await there(third)]).toEqual([false, false]);
    const fresh = await sent();
    const anew = await send(await h.signIn(s.person), s.bytes);
    expect([(await download(anew)).bytes.equals(s.bytes), (await download(fresh)).status]).toEqual([true, 200]);
    await h.clockOffset('india', 0);
  });

  it('go in the end, although the store was away or fell silent after it had removed them', { timeout: 60_000 }, async () => {
    for (const kind of ['before', 'after'] as const) {
      const s = await sent();
      await refuse(s);
      await h.clockOffset('india', 181 * DAY);
      trouble = kind;
      await night();
      // One that fell silent is asked, not told again: it is known to be gone already.
      const known = kind === 'after';
      expect([await there(s), (await rowOf(s)).disposed_at !== null, await facts(s), (await download(s)).status], kind)
        .toEqual([!known, known, known ? 1 : 0, 410]);
      trouble = undefined;
      for (let i = 0; i < 4 && (await rowOf(s)).disposed_at === null; i++) await night();
      expect([await there(s), (await rowOf(s)).disposed_at instanceof Date, await facts(s)], kind).toEqual([false, true, 1]);
      await h.clockOffset('india', 0);
    }
  });
});
