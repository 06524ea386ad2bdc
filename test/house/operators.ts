import { systemClock } from '#kernel';
import { inviteOperator, totpCode } from '#spine/operators';
import type { House } from '../house.ts';
import { newAddress } from './people.ts';

const STEP_MS = 30_000;
export const OPERATOR_PASSWORD = 'seven quiet green boats';
let made = 0;

/** The bytes of a base32 text. */
export function fromBase32(text: string): Buffer {
  const bits = [...text].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((b) => Number.parseInt(b, 2)));
}

/** What an authenticator shows now, or some steps ahead. */
export const authenticatorCode = (key: Buffer, stepsAhead = 0): string => totpCode(key, Math.floor(systemClock.now().getTime() / STEP_MS) + stepsAhead);

export interface MadeOperator { readonly name: string; readonly key: Buffer; readonly cookies: Record<string, string> }

/** Another made-up operator of a tenant at each call, enrolled and signed in through the real routes. */
export async function operatorOf(h: House, role = 'administrator', tenant = 'india'): Promise<MadeOperator> {
  const name = `Made Up Desk ${made += 1}`;
  const invited = await h.perform(tenant, (tx) => inviteOperator(tx, name, role));
  if (!invited.ok) throw new Error(`not invited: ${invited.problem.code}`);
  const { link } = invited.value;
  const ask = { tenant, address: newAddress() };
  const offered = await h.request({ ...ask, path: `/api/operators/enrolment?link=${link}` });
  const key = fromBase32(offered.json<{ secret: string }>().secret);
  const answer = await h.request({
    ...ask, path: '/api/operators/enrolment/password', json: { link, password: OPERATOR_PASSWORD, code: authenticatorCode(key) },
  });
  if (answer.status !== 200) throw new Error(`not enrolled: ${answer.status} ${answer.text}`);
  return { name, key, cookies: { xq_operator: answer.json<{ token: string }>().token } };
}
