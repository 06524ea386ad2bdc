import { readdirSync, readFileSync } from 'node:fs';
import { transformSync } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as kernel from '#kernel';
import type { Outcome, Tx, Uuid } from '#kernel';
import * as ledger from '#spine/ledger';
import type { Entry } from '#spine/ledger';
import { house, type House } from '#test';

/** The code of docs/recipes runs as it stands there. */
const doors: Record<string, unknown> = { '#kernel': kernel, '#spine/ledger': ledger };
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
beforeAll(async () => { h = await house({ serve: ['IN'] }); });
afterAll(() => h.stop());

const run = <T>(verb: Verb<unknown> | undefined, ...rest: unknown[]): Promise<T> => {
  if (!verb) throw new Error('the recipe does not export this');
  return h.perform('india', (tx) => (verb as (tx: Tx, ...all: unknown[]) => Promise<T>)(tx, ...rest));
};
const value = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.data));
  return outcome.value;
};

const covered = ['hold-and-capture', 'statement', 'transfer'];
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
