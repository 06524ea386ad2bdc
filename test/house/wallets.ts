import type { Answer, House, Person, SignedIn } from '../house.ts';

/** People with a wallet, through the real routes. */
export interface Wallet { readonly who: SignedIn; readonly account: `wal_${string}`; readonly handle: string }

export interface Wallets {
  post(who: SignedIn, path: string, json?: unknown): Promise<Answer>;
  get(who: SignedIn, path: string): Promise<Answer>;
  /** A person who signed in, with an account, a handle and money from a bank. */
  wallet(fund?: number, person?: Person): Promise<Wallet>;
  /** One more account of a person who has signed in. */
  another(who: SignedIn, currency?: string): Promise<`wal_${string}`>;
  close(of: Pick<Wallet, 'who' | 'account'>, into?: string, more?: { letGo: boolean }): Promise<Answer>;
  send(from: Wallet, to: Wallet, minor: number, note?: string): Promise<Answer>;
}

/** Rupees on the wire, from paise. */
export const inrWire = (minor: number | bigint): { amount: string; currency: string } => ({ amount: String(minor), currency: 'INR' });
/** The status of an answer, and the code of its problem. */
export const said = (a: Answer): [number, string] => [a.status, a.json<{ type?: string }>().type?.replace('/problems/', '') ?? ''];

export function wallets(h: House): Wallets {
  let keys = 0, names = 0;
  const post: Wallets['post'] = (who, path, json) => h.request({
    method: 'POST', path: `/api${path}`, ...(json === undefined ? {} : { json }), bearer: who.bearer, idempotencyKey: `wallets-${String(keys += 1).padStart(6, '0')}`,
  });
  return {
    post, get: (who, path) => h.request({ path: `/api${path}`, bearer: who.bearer }),
    async wallet(fund = 0, person) {
      const who = await h.signIn(person);
      const { account } = (await post(who, '/wallet/accounts', { currency: 'INR' })).json<{ account: `wal_${string}` }>();
      const handle = `@holder.${names += 1}`;
      await h.request({ method: 'PUT', path: `/api/wallet/accounts/${account}/handle`, json: { handle }, bearer: who.bearer });
      if (fund) {
        const ordered = await post(who, '/wallet/top-ups', { account, amount: inrWire(fund), bank: 'DEMO0000000001' });
        if (ordered.status !== 202) throw new Error(`no money: ${ordered.text}`);
        await h.runJobs();
      }
      return { who, account, handle };
    },
    another: async (who, currency = 'INR') => (await post(who, '/wallet/accounts', { currency })).json<{ account: `wal_${string}` }>().account,
    close: ({ who, account }, into, more) => post(who, `/wallet/accounts/${account}/close`, { ...(into === undefined ? {} : { into }), ...more }),
    send: (from, to, minor, note) => post(from.who, '/wallet/transfers', { from: from.account, to: to.handle, amount: inrWire(minor), ...(note === undefined ? {} : { note }) }),
  };
}
