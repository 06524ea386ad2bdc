import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { done, route, systemClock } from '#kernel';
import { house, probe, said, wallets, type Answer, type House, type Wallets } from '#test';

let letGo: () => void = () => undefined;
const held = new Promise<void>((resolve) => { letGo = resolve; });
let waiting = 0;
const nothing = z.strictObject({});
/** Stays open until it is let go. */
const hold = route('POST /probe/hold', { summary: 'Stays open.', scope: 'public', input: nothing, output: nothing, problems: [], example: { input: {} },
  async verb() {
    waiting += 1;
    await held;
    return done({});
  } });

const OPEN_MAX = 6;
let h: House, w: Wallets;
beforeAll(async () => {
  h = await house({ add: [probe({ routes: [hold] })], openMax: OPEN_MAX });
  w = wallets(h);
});
afterAll(() => h.stop());

it('a process that is half full turns a wallet’s history away, and goes on telling balances and paying', async () => {
  const [asha, ravi] = [await w.wallet(50_000), await w.wallet()];
  const account = `/wallet/accounts/${asha.account}`;
  const day = systemClock.now().toISOString().slice(0, 10);
  const history = [`${account}/activity`, `${account}/statements?from=${day}&to=${day}`];
  const get = (path: string): Promise<Answer> => w.get(asha.who, path);
  const open: Promise<Answer>[] = [];
  try {
    for (const path of history) expect((await get(path)).status, path).not.toBe(503);
    while (open.length < OPEN_MAX / 2) open.push(h.request({ method: 'POST', path: '/api/probe/hold' }));
    while (waiting < open.length) await systemClock.sleep(5);
    for (const path of history) {
      const answer = await get(path);
      expect([...said(answer), answer.headers['retry-after']], path).toEqual([503, 'unavailable', '300']);
    }
    for (const path of ['/wallet/accounts', account]) expect((await get(path)).status, path).toBe(200);
    expect((await w.send(asha, ravi, 100)).status).toBe(200);
  } finally {
    letGo();
    await Promise.all(open);
  }
  for (const path of history) expect((await get(path)).status, path).not.toBe(503);
});
