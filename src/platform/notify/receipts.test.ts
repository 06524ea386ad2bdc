import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formMessages, httpMessages } from '#adapters/sms';
import { notice, provide, systemClock, type Uuid } from '#kernel';
import { ensureMachine, signatureHeaders, type MachineKey } from '#spine/identity';
import { house, somebody, startSim, type House, type Sim } from '#test';
import { messageStates, notify, receiptStates } from './index.ts';
import { Providers } from './port.ts';
import { afterReceipt } from './rules.ts';

const text = { label: 'Tests', title: 'Test', body: 'Body', text: 'test' };
const kind = notice('notify.test', { doc: 'x', lane: 'normal', offered: ['text'], chosen: ['text'], lifeMs: 86_400_000, values: [],
  texts: { en: text, hi: text } });
const WAIT_MS_MAX = 20_000;

describe('what a receipt says', () => {
  it('moves a message on and never back, and never twice', () => {
    for (const from of messageStates) for (const said of receiptStates) {
      const next = afterReceipt(from, said);
      if (!next) continue;
      expect(messageStates.indexOf(from), `${from} ${said}`).toBeGreaterThanOrEqual(messageStates.indexOf('sent'));
      expect(afterReceipt(next.state, said), `${from} ${said}`).toBeUndefined();
    }
    expect(afterReceipt('delivered', 'sent')).toBeUndefined();
    expect(afterReceipt('delivered', 'failed')).toBeUndefined();
    expect(afterReceipt('failed', 'delivered')).toBeUndefined();
    expect(afterReceipt('opened', 'delivered')).toBeUndefined();
    expect(afterReceipt('opened', 'complained')).toEqual({ state: 'failed', reason: 'complained' });
  });
});

/** A program with one provider, which tells it what became of its messages. */
interface Setting { readonly h: House; readonly sim: Sim; readonly key: MachineKey; readonly name: string }
const open: { stop(): Promise<void> }[] = [];
afterAll(async () => { for (const o of open) await o.stop(); });
async function set(name: 'http' | 'form', args: readonly string[]): Promise<Setting> {
  const sim = await startSim('sms', ['--receipt-ms', '200', ...args]);
  open.push(sim);
  let port = 0;
  const address = (slug: string): string => `http://127.0.0.1:${port}/t/${slug}`;
  const provider = name === 'http' ? httpMessages(sim) : formMessages({ base: `${sim.base}/form`, account: 'sim', secret: sim.token });
  const h = await house({ transport: 'http', limits: false, add: [{ name: 'products/notified', doc: 'A kind of the tests.', needs: [], notices: [kind] }],
    provided: () => [provide(Providers, () => ({ text: [provider], email: [], push: [], linkBase: ({ slug }) => address(slug) }))] });
  open.unshift(h);
  ({ port } = h.program);
  const key = await h.perform('india', (tx) => ensureMachine(tx, `text provider ${name}`, ['notify:receipts']));
  const put = await fetch(`${sim.base}/v1/receipts`, { method: 'PUT', headers: { authorization: `Bearer ${sim.token}` },
    body: JSON.stringify({ to: `${address('india')}/api/notifications/receipts`, key: key.id, secret: key.secret, provider: name }) });
  expect(put.status).toBe(204);
  return { h, sim, key, name };
}

interface Line { id: string; state: string; plan: string; tries: number; status: number }
const bookOf = async ({ sim }: Setting): Promise<Line[]> =>
  await (await fetch(`${sim.base}/v1/receipts`, { headers: { authorization: `Bearer ${sim.token}` } })).json() as Line[];
interface Row { ref: string | null; state: string; reason: string | null; done: Date | null }
const rowsOf = ({ h }: Setting, people: readonly Uuid[]): Promise<Row[]> => h.sql()<Row & Record<string, unknown>>(
  'select provider_ref as ref, state, reason, done_at as done from notify.message where person = any($1::uuid[]) order by id',
  [people]);
async function tellAll({ h }: Setting, count: number): Promise<Uuid[]> {
  const people: Uuid[] = [];
  for (let i = 0; i < count; i++) people.push(await h.enrol(somebody()));
  for (const person of people) await h.perform('india', (tx) => notify(tx, kind, { person, dedupe: 'one', data: {} }));
  await h.runJobs();
  return people;
}
async function until(what: string, there: () => Promise<boolean>): Promise<void> {
  const end = systemClock.monotonicMs() + WAIT_MS_MAX;
  while (!await there()) {
    if (systemClock.monotonicMs() > end) throw new Error(`${what} did not come`);
    await systemClock.sleep(50);
  }
}
const REQUEST = 'POST /api/notifications/receipts';
const post = ({ h }: Setting, body: string, headers: Record<string, string>): Promise<number> =>
  h.request({ method: 'POST', path: '/api/notifications/receipts', body, headers: { 'content-type': 'application/json', ...headers } }).then((a) => a.status);

describe.each(['http', 'form'] as const)('a provider (%s) that sends receipts', (name) => {
  let s: Setting;
  beforeAll(async () => { s = await set(name, []); });

  it('makes a message delivered, with its time; said again or in the wrong order, it stays as it is', async () => {
    const people = await tellAll(s, 1);
    await until('the receipt', async () => (await rowsOf(s, people))[0]?.state === 'delivered');
    const [row] = await rowsOf(s, people);
    expect(row).toMatchObject({ state: 'delivered', reason: null });
    expect(row?.done).toBeInstanceOf(Date);
    for (const state of ['delivered', 'sent', 'failed', 'sent']) {
      const body = JSON.stringify({ provider: name, receipts: [{ id: row?.ref, state }, { id: row?.ref, state }] });
      expect(await post(s, body, signatureHeaders(s.key, REQUEST, body, systemClock.now().getTime()))).toBe(200);
    }
    expect(await rowsOf(s, people)).toEqual([row]);
  });

  it('is not believed where the key is another’s, the body was changed, it is old, or its machine may not', async () => {
    const people = await tellAll(s, 1);
    await until('the receipt', async () => (await rowsOf(s, people))[0]?.state === 'delivered');
    const [row] = await rowsOf(s, people);
    const body = JSON.stringify({ provider: name, receipts: [{ id: row?.ref, state: 'complained' }] });
    const now = systemClock.now().getTime();
    expect(await post(s, body, signatureHeaders({ ...s.key, secret: 'x'.repeat(43) }, REQUEST, body, now))).toBe(401);
    expect(await post(s, body, signatureHeaders(s.key, REQUEST, body.replace('complained', 'delivered'), now))).toBe(401);
    expect(await post(s, body, signatureHeaders(s.key, REQUEST, body, now - 3_600_000))).toBe(401);
    expect(await post(s, body, {})).toBe(401);
    const other = await s.h.perform('other', (tx) => ensureMachine(tx, 'text provider', ['notify:receipts']));
    expect(await post(s, body, signatureHeaders(other, REQUEST, body, now))).toBe(401);
    const mute = await s.h.perform('india', (tx) => ensureMachine(tx, 'no provider', []));
    expect(await post(s, body, signatureHeaders(mute, REQUEST, body, now))).toBe(403);
    expect(await rowsOf(s, people)).toEqual([row]);
  });
});

it('of a provider that is late, doubles, disorders, forgets and fails, each message ends as its book says', { timeout: 60_000 }, async () => {
  const s = await set('http', ['--receipt-faults', '0.8', '--seed', 'receipts']);
  const people = await tellAll(s, 40);
  let book = new Map<string, Line[]>();
  let ends: { said: string; is: string }[] = [];
  // One that came before its message was written down was answered 200 as well, and is said again: not all were told once all were answered.
  await until('the end of every message', async () => {
    const lines = await bookOf(s);
    book = Map.groupBy(lines, (l) => l.id);
    ends = (await rowsOf(s, people)).map((r) => {
      const own = book.get(r.ref as string) ?? [];
      return { said: own.some((l) => l.state === 'failed') ? 'failed unreachable' : own.length ? 'delivered ' : 'sent ', is: `${r.state} ${r.reason ?? ''}` };
    });
    return lines.length > 40 && lines.every((l) => l.tries > 0 && l.status === 200) && ends.every((e) => e.said === e.is);
  }).catch((error: unknown) => {
    expect(ends.filter((e) => e.said !== e.is)).toEqual([]);
    throw error;
  });
  expect(ends).toHaveLength(40);
  // The seed draws every way that there is.
  expect([...new Set([...book.values()].flat().map((l) => l.plan))].toSorted()).toEqual(['disordered', 'doubled', 'failed', 'late', 'plain']);
  expect(new Set(ends.map((e) => e.is)).size).toBe(3);
});

it('a receipt that comes before the answer was written down is said again', async () => {
  const s = await set('http', []);
  const people = await tellAll(s, 1);
  await until('the receipt', async () => (await rowsOf(s, people))[0]?.state === 'delivered');
  const sent = await fetch(`${s.sim.base}/v1/messages`, { method: 'POST', headers: { authorization: `Bearer ${s.sim.token}`, 'idempotency-key': 'early' },
    body: JSON.stringify({ to: '+91 00000 77777', text: 'x', callback: `http://127.0.0.1:${s.h.program.port}/t/india/api/notifications/receipts` }) });
  const { id } = await sent.json() as { id: string };
  await until('the first try', async () => (await bookOf(s)).some((l) => l.id === id && l.state === 'delivered' && l.tries === 1));
  // Now the answer is written down.
  const [row] = await rowsOf(s, people);
  await s.h.sql('IN', 'superuser')("update notify.message set state = 'sent', done_at = null, provider_ref = $1 where provider_ref = $2", [id, row?.ref]);
  await until('the second try', async () => (await rowsOf(s, people))[0]?.state === 'delivered');
});
