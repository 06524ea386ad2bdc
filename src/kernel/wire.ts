import { z } from 'zod';
import { isCivilDate, type CivilDate } from './clock.ts';
import { isCurrency, type Currency, type Money } from './money.ts';
import type { Id } from './id.ts';

/** Codecs between the wire and the program: `z.decode` on the way in, `z.encode` on the way out. */

const AMOUNT = /^(0|-?[1-9]\d{0,18})$/;
const AMOUNT_LIMIT = 2n ** 63n;

const zAmountText = z.string().regex(AMOUNT).describe('Whole number of minor units as a decimal string; |x| < 2⁶³.');
/** An amount in minor units: decimal string on the wire, bigint inside. */
export const zAmount = z.codec(
  zAmountText,
  z.custom<bigint>((v) => typeof v === 'bigint' && v < AMOUNT_LIMIT && v > -AMOUNT_LIMIT, 'amount out of range'),
  { decode: (text) => BigInt(text), encode: (amount) => amount.toString() },
);

/** `{amount, currency}`: minor units as a string and an ISO 4217 code. */
export const zMoney = z.codec(
  z.strictObject({ amount: zAmountText, currency: z.string().regex(/^[A-Z]{3}$/) }),
  z.custom<Money>((v) => {
    const m = v as Money;
    return typeof m.amount === 'bigint' && m.amount < AMOUNT_LIMIT && m.amount > -AMOUNT_LIMIT && isCurrency(m.currency);
  }, 'unknown currency or amount out of range'),
  {
    decode: (wire) => ({ amount: BigInt(wire.amount), currency: wire.currency as Currency }),
    encode: (m) => ({ amount: m.amount.toString(), currency: m.currency as string }),
  },
);

/** An instant: RFC 3339 with offset on the wire, `Date` inside. */
export const zInstant = z.codec(z.iso.datetime({ offset: true }), z.instanceof(Date), {
  decode: (text) => new Date(text), encode: (at) => at.toISOString(),
});

/** A civil date `YYYY-MM-DD`. */
export const zDate = z.custom<CivilDate>((v) => typeof v === 'string' && isCivilDate(v), 'not a date').meta({ type: 'string', format: 'date' });

/** A public id of one kind, such as `tret_…`. */
export const zId = <P extends string>(prefix: P): z.ZodType<Id<P>, Id<P>> =>
  z.string().regex(new RegExp(`^${prefix}_[0-9a-f]{32}$`)) as unknown as z.ZodType<Id<P>, Id<P>>;

/** Text of a person's own: trimmed of nothing, without control characters, with a length limit in characters. */
export const zText = (max: number): z.ZodString =>
  // eslint-disable-next-line no-control-regex -- control characters are what this refuses
  z.string().min(1).max(max).regex(/^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$/u, 'control characters');

/** Why somebody looks at what is a person's own. Codes, since a sentence could itself be about a person. */
export const purposes = ['support', 'complaint', 'correction', 'fraud', 'legal-request', 'review'] as const;
export const zPurpose = z.enum(purposes);
export type Purpose = z.output<typeof zPurpose>;

/** A mail address as people write them: one name, one domain with a letter ending; nothing quoted. */
export const zEmail = z.string().max(254).regex(/^[^\s@<>"(),:;\\[\]]{1,64}@[A-Za-z0-9.-]{1,189}\.[A-Za-z]{2,}$/);
