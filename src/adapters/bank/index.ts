import { Pool } from 'undici';
import type { BankOrder, BankRail, BankResult } from '#products/wallet/port';

/** A bank in this process, for tests: books everything but what a closed account or an empty one refuses. */
export function memoryBank(): BankRail & { readonly orders: ReadonlyMap<string, BankOrder & { result: BankResult }> } {
  const orders = new Map<string, BankOrder & { result: BankResult }>();
  return {
    name: 'memory', orders,
    send: async (order) => {
      const known = orders.get(order.key);
      if (known) return known.result;
      const result: BankResult = order.bank.endsWith('9') ? { state: 'refused', reason: 'account-closed' } : { state: 'booked',
        reference: `MEM${orders.size}` };
      orders.set(order.key, { ...order, result });
      return result;
    },
    inquire: async (key) => orders.get(key)?.result ?? 'not-found',
  };
}

/** Orders under way at once. */
const CONNECTIONS_MAX = 64;

/** A bank reached over HTTP: `POST <base>/v1/orders` with our key, `GET <base>/v1/orders/by-key/<key>` to ask what became of it. */
export function httpBank(options: { base: string; token: string }): BankRail {
  const { origin, pathname } = new URL(options.base);
  const pool = new Pool(origin, { connections: CONNECTIONS_MAX });
  const headers = { authorization: `Bearer ${options.token}`, 'content-type': 'application/json' };
  const path = (rest: string): string => `${pathname.replace(/\/$/, '')}/v1/orders${rest}`;
  return {
    name: 'http',
    async send(order, signal) {
      const { statusCode, body } = await pool.request({
        path: path(''), method: 'POST', headers: { ...headers, 'idempotency-key': order.key }, signal,
        body: JSON.stringify({ direction: order.direction, amount: order.amount.amount.toString(), currency: order.amount.currency, bank: order.bank }),
      });
      // Only these two say what became of the order; anything else leaves it open.
      if (statusCode === 201 || statusCode === 422) return await body.json() as BankResult;
      await body.dump();
      throw new Error(`the bank answered ${statusCode}`);
    },
    async inquire(key, signal) {
      const { statusCode, body } = await pool.request({ path: path(`/by-key/${encodeURIComponent(key)}`), method: 'GET', headers, signal });
      if (statusCode === 200) return await body.json() as BankResult;
      await body.dump();
      if (statusCode === 404) return 'not-found';
      throw new Error(`the bank answered ${statusCode}`);
    },
  };
}
