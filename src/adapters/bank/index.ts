import { Pool, type Dispatcher } from 'undici';
import { noBreaker, type Breaker } from '#kernel';
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

/**
 * A bank reached over HTTP: `POST <base>/v1/orders` with our key, `GET <base>/v1/orders/by-key/<key>` to ask what became of it. Behind a breaker, where it
 * is given one.
 */
export function httpBank({ breaker = noBreaker, ...options }: { base: string; token: string; breaker?: Breaker }): BankRail {
  const { origin, pathname } = new URL(options.base);
  const pool = new Pool(origin, { connections: CONNECTIONS_MAX });
  const headers = { authorization: `Bearer ${options.token}`, 'content-type': 'application/json' };
  const path = (rest: string): string => `${pathname.replace(/\/$/, '')}/v1/orders${rest}`;
  /** The answer's text where its status says something; the rest is read only so that the connection is free again. */
  const ask = (request: Dispatcher.RequestOptions, telling: readonly number[]): Promise<{ status: number; text: string }> => breaker.run(async () => {
    const { statusCode: status, body } = await pool.request(request);
    if (telling.includes(status)) return { status, text: await body.text() };
    await body.dump();
    return { status, text: '' };
  }, ({ status }) => status >= 500);
  return {
    name: 'http',
    async send(order, signal) {
      const { status, text } = await ask({
        path: path(''), method: 'POST', headers: { ...headers, 'idempotency-key': order.key }, signal,
        body: JSON.stringify({ direction: order.direction, amount: order.amount.amount.toString(), currency: order.amount.currency, bank: order.bank }),
      }, [201, 422]);
      // Only these two say what became of the order; anything else leaves it open.
      if (text) return JSON.parse(text) as BankResult;
      throw new Error(`the bank answered ${status}`);
    },
    async inquire(key, signal) {
      const { status, text } = await ask({ path: path(`/by-key/${encodeURIComponent(key)}`), method: 'GET', headers, signal }, [200]);
      if (text) return JSON.parse(text) as BankResult;
      if (status === 404) return 'not-found';
      throw new Error(`the bank answered ${status}`);
    },
  };
}
