import { newTrace, systemRandom, uuidOf, type Clock } from '#kernel';
import type { TenantRecord } from '#spine/tenancy';
import type { Cell } from '../runtime.ts';
import type { Sim } from '../sims.ts';
import { signInByForms } from './browser.ts';
import type { TourPerson } from './people.ts';
import { followPayment, type Followed } from './rows.ts';

/** The bank of the demo, where the tour's person has an account. */
export const BANK = 'bank';
const AMOUNT = { amount: '25000', currency: 'INR' };
const TO = '@ravi';
const LEAF_MS_MAX = 3000;
const LEAF_POLL_MS = 100;

/** A payment and everything that hangs on it, back to the request and its place in the audit chain. */
export interface Paid extends Followed { readonly answered: string; readonly to: string; readonly trace: string }

export interface Payer { pay(): Promise<Paid | 'signInFailed' | 'loading' | 'failed'> }

interface Asked<T> { readonly status: number; readonly body: T }

/** Pays in the person's own name through the real route, with a session of her own at the bank. */
export function payer(o: { base: string; clock: Clock; phones: readonly Sim[]; bank: TenantRecord; cell: Cell; her: TourPerson }): Payer {
  let cookie = '';
  const ask = async <T>(path: string, trace: string, body?: unknown): Promise<Asked<T>> => {
    const answer = await fetch(`${o.base}/t/${BANK}/api${path}`, {
      headers: {
        cookie, traceparent: `00-${trace}-${trace.slice(0, 16)}-01`,
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin',
          'idempotency-key': systemRandom.bytes(16).toString('hex') }),
      },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: await answer.json() as T };
  };
  const accounts = (): Promise<Asked<{ accounts?: { account: string; handle: string | null }[] }>> => ask('/wallet/accounts', newTrace());
  const signedIn = async (): Promise<boolean> => {
    if (cookie && (await accounts()).status === 200) return true;
    const set = await signInByForms({ base: o.base, slug: BANK, trace: newTrace(), cookie: '', person: o.her, phones: o.phones, clock: o.clock });
    if (!set) return false;
    cookie = set.map((line) => line.split(';')[0] as string).filter((pair) => !pair.endsWith('=')).join('; ');
    return true;
  };
  return {
    async pay() {
      if (!await signedIn()) return 'signInFailed';
      const from = (await accounts()).body.accounts?.find((a) => a.handle === `@${o.her.key}`)?.account;
      if (!from) return 'loading';
      const trace = newTrace();
      const paid = await ask<{ payment?: string; balance?: { amount: string } }>('/wallet/transfers', trace, { from, to: TO, amount: AMOUNT,
        note: 'from the tour' });
      if (paid.status !== 200 || !paid.body.payment) return 'failed';
      const payment = uuidOf(paid.body.payment as `wpay_${string}`);
      for (let waited = 0; ; waited += LEAF_POLL_MS) {
        const followed = await followPayment(o.cell, o.bank, payment);
        if (followed && (followed.pos !== null || waited >= LEAF_MS_MAX)) return { ...followed, answered: paid.body.balance?.amount ?? '', to: TO, trace };
        if (waited >= LEAF_MS_MAX) return 'failed';
        await o.clock.sleep(LEAF_POLL_MS);
      }
    },
  };
}
