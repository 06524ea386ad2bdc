import { afterAll, beforeAll, expect, it } from 'vitest';
import { house, type House } from '#test';

let h: House;
beforeAll(async () => { h = await house({ serve: ['IN'] }); });
afterAll(() => h.stop());

it('takes refreshes that are asked for at the same time', async () => {
  const refreshed = await Promise.allSettled(Array.from({ length: 40 }, () => h.program.directory.refresh()));
  expect(refreshed.filter((r) => r.status === 'rejected')).toEqual([]);
});
