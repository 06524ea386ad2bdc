import * as crypto from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { transformSync } from 'esbuild';
import * as standardwebhooks from 'standardwebhooks';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as kernel from '#kernel';
import { provide, systemClock } from '#kernel';
import { Reach } from '#platform/webhooks';
import type { Outcome, Tx, Uuid } from '#kernel';
import * as ledger from '#spine/ledger';
import type { Entry } from '#spine/ledger';
import { house, probe, type House } from '#test';

/** The code of docs/recipes runs as it stands there. */
const doors: Record<string, unknown> = { '#kernel': kernel, '#spine/ledger': ledger, 'node:crypto': crypto, standardwebhooks };
const folder = new URL('../docs/recipes/', import.meta.url);

type Verb<T> = (tx: Tx, ...rest: never[]) => Promise<T>;
function recipe(name: string): Record<string, Verb<unknown>> {
  const text = readFileSync(new URL(`${name}.md`, folder), 'utf8');
  const code = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((block) => block[1]).join('\n');
  const { code: plain } = transformSync(code, { loader: 'ts', format: 'cjs', target: 'es2024' });
  const exports: Record<string, Verb<unknown>> = {};
  // oxlint-disable-next-line no-implied-eval -- the recipes are ours, and to run them is the test
  new Function('require', 'module', 'exports', plain)((door: string) => {
    if (!(door in doors)) throw new Error(`${name}.md imports ${door}, which this test does not give`);
    return doors[door];
  }, { set exports(all: typeof exports) { Object.defineProperties(exports, Object.getOwnPropertyDescriptors(all)); } }, exports);
  return exports;
}

let h: House;
beforeAll(async () => { h = await house({ serve: ['IN'], workers: true, add: [probe()], provided: () => [provide(Reach, () => ({ loopback: true }))] }); });
afterAll(() => h.stop());

const run = <T>(verb: Verb<unknown> | undefined, ...rest: unknown[]): Promise<T> => {
  if (!verb) throw new Error('the recipe does not export this');
  return h.perform('india', (tx) => (verb as (tx: Tx, ...all: unknown[]) => Promise<T>)(tx, ...rest));
};
const value = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.data));
  return outcome.value;
};

const covered = ['hold-and-capture', 'statement', 'transfer', 'verify-webhook'];
it('has a test for every recipe', () => {
  expect(readdirSync(folder).filter((f) => f.endsWith('.md')).map((f) => f.slice(0, -3)).toSorted()).toEqual(covered);
});

it('transfer, hold and capture, statement', async () => {
  const { openWallet, topUp, pay } = recipe('transfer');
  const holder = async (): Promise<Uuid> => h.perform('india', async (tx) => tx.uuid());
  const from = new Date(await h.perform('india', async (tx) => tx.now.getTime()));
  const asha = value(await run<Outcome<{ wallet: Uuid; bank: Uuid }>>(openWallet, await holder()));
  const ravi = value(await run<Outcome<{ wallet: Uuid; bank: Uuid }>>(openWallet, await holder()));
  expect(value(await run<Outcome<unknown>>(topUp, asha.bank, asha.wallet, 1000n))).toEqual({ balance: 1000n });
  expect(value(await run<Outcome<unknown>>(pay, asha.wallet, ravi.wallet, 300n, 'rent'))).toEqual({ left: 700n });
  expect(value(await run<Outcome<unknown>>(pay, asha.wallet, ravi.wallet, 300n, 'rent'))).toEqual({ left: 700n });
  expect(await run(pay, asha.wallet, ravi.wallet, 701n, 'too much')).toMatchObject({ ok: false, problem: { code: 'insufficient-funds' } });

  const { hold, capture, release } = recipe('hold-and-capture');
  const first = value(await run<Outcome<{ hold: Uuid }>>(hold, asha.wallet, ravi.wallet, 600n));
  expect(value(await run<Outcome<unknown>>(capture, first.hold, 450n))).toEqual({ captured: 450n });
  expect(await run(release, first.hold)).toMatchObject({ ok: false, data: { reason: 'hold-posted' } });
  const second = value(await run<Outcome<{ hold: Uuid }>>(hold, asha.wallet, ravi.wallet, 250n));
  expect(value(await run<Outcome<unknown>>(release, second.hold))).toEqual({ released: 250n });

  const { readStatement } = recipe('statement');
  const to = new Date(await h.perform('india', async (tx) => tx.now.getTime() + 1000));
  const read = await run<{ opening: bigint; entries: Entry[]; closing: bigint }>(readStatement, asha.wallet, from, to);
  expect([read.opening, read.closing, read.entries.map((e) => e.change)]).toEqual([0n, 250n, [-450n, -300n, 1000n]]);
});

it.each(['v1', 'v1a'] as const)('verify a webhook takes a request that was really sent (%s), and none that was changed or is old', async (signature) => {
  const { verifyWithPackage, verifyByHand } = recipe('verify-webhook') as unknown as {
    verifyWithPackage(secret: string, headers: Record<string, string>, body: string): unknown;
    verifyByHand(key: string, headers: Record<string, string>, body: string, nowMs: number): boolean };
  let arrived: (got: { headers: Record<string, string>; body: string }) => void = () => undefined;
  const server = createServer((req, res) => {
    let body = '';
    req.on('data', (chunk: Buffer) => { body += chunk.toString('utf8'); }).on('end', () => {
      res.end();
      arrived({ headers: req.headers as Record<string, string>, body });
    });
  });
  await new Promise<void>((done) => { server.listen(0, '127.0.0.1', done); });
  const as = { method: 'POST' as const, headers: { 'x-probe-machine': 'webhooks:manage' } };
  const made = (await h.request({ ...as, path: '/api/webhooks/endpoints', json: {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}/`, description: 'A recipe', events: ['probe.*'], signature } }))
    .json<{ endpoint: { endpoint: string; publicKey: string | null }; secret: string }>();
  const came = new Promise<{ headers: Record<string, string>; body: string }>((done) => { arrived = done; });
  await h.request({ ...as, path: `/api/webhooks/endpoints/${made.endpoint.endpoint}/test` });
  const { headers, body } = await came;
  server.close();
  const now = systemClock.now().getTime();
  const key = made.endpoint.publicKey ?? made.secret;
  expect([verifyByHand(key, headers, body, now), verifyByHand(key, headers, `${body} `, now), verifyByHand(key, headers, body, now + 600_000),
    verifyByHand(key, { ...headers, 'webhook-id': 'evt_x' }, body, now), verifyByHand(key, { ...headers, 'webhook-timestamp': 'soon' }, body, now),
    verifyByHand(key, {}, body, now)]).toEqual([true, false, false, false, false, false]);
  if (signature === 'v1a') return;
  expect(verifyWithPackage(made.secret, headers, body)).toMatchObject({ type: 'webhooks.test', data: { test: true } });
  expect(() => verifyWithPackage(made.secret, headers, `${body} `)).toThrow();
  expect(verifyByHand(`whsec_${Buffer.alloc(32).toString('base64')}`, headers, body, now)).toBe(false);
});
