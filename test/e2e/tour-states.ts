import { systemClock } from '#kernel';
import { demoTenants } from '../../src/apps/tenants.ts';
import { peopleToTry } from '../../src/apps/tour/people.ts';
import type { EventSeen, FactSeen } from '../../src/apps/tour/rows.ts';
import type { Told } from '../../src/apps/tour/stage.ts';
import type { TourView } from '../../src/apps/tour/view.ts';

/** The tour's page at its start, after every step, refusing, and with the database away. */
const trace = (n: number): string => n.toString(16).padStart(2, '0').repeat(16);
const id = (n: number): string => `01a1fd75-3a66-72d1-9854-${String(n).padStart(12, '0')}`;

const fact = (at: Date, n: number, action: string, who = 'person'): FactSeen =>
  ({ id: id(n), at, who, action, result: n % 5 === 0 ? 'refused' : 'done', trace: trace(n), pos: n === 9 ? null : BigInt(1_234_560 + n) });

export const tourTexts = (at: Date): { id: string; to: string; text: string; at: string }[] => [1, 2, 3].map((n) => ({
  id: `msg_${n}`, to: `+91000009000${n}`, at: at.toISOString(),
  text: `43921${n} is your sign-in code for Bharat Demo Revenue Office. It works for 5 minutes. We never ask for it by phone or mail.`,
}));

export function tourStates(at: Date): Record<string, TourView> {
  const people = peopleToTry(demoTenants[0] as (typeof demoTenants)[number], { ...systemClock, now: () => at });
  const events = [1, 2, 3, 4, 5, 6].map((n): EventSeen => ({ pos: BigInt(98_760 + n), topic: n % 2 ? 'taxrefund.changed' : 'identity.signed-in', key: id(n), trace: trace(n) }));
  const facts = [9, 8, 7, 6, 5].map((n) => fact(at, n, n % 2 ? 'taxrefund.event-appended' : 'taxrefund.viewed', n % 2 ? 'machine' : 'system:identity.send-code'));
  const seen = { events, facts, signIn: [fact(at, 1, 'identity.start', 'nobody'), fact(at, 2, 'identity.code', 'nobody')], views: { audited: 1_234, spooled: 56 } };
  const postings = [1, 2, 3].map((n) => ({ id: trace(n), amount: BigInt(n) * 12_345_678n, currency: 'INR', trace: trace(n) }));
  const now = { seen, down: false, answered: 1_234, text: tourTexts(at)[0], postings };
  const base: TourView = { now, told: {}, people, at, signedIn: true, step: 0, phone: undefined, slug: 'india' };
  const finding = `IN audit chain: changed at position 1234567 (fact ${id(7)}): the fact is not what its leaf was made of`;
  const told: Told = {
    fed: { code: 'IN_FAILED', sourceEventId: 'banker-tour-1795253664629-0', accepted: 1, trace: trace(3) },
    why: {
      trace: trace(4), reasonCode: 'account_closed', law: { regime: 'IN-1961', section: 'refund banker scheme; Rule 114AAA for an inoperative PAN', checked: 'recheck' },
      event: {
        refund: 'a'.repeat(32), code: 'IN_FAILED', source: 'banker', sourceEventId: 'banker-tour-1795253664629-0', sourceVersion: 1, occurredAt: at, receivedAt: at, fact: id(5), pos: 1_234_565n,
        trace: trace(5), sha256: 'ab'.repeat(32),
      },
    },
    cut: { at: new Date(at.getTime() - 60_000), until: new Date(at.getTime() - 50_000), back: new Date(at.getTime() - 49_000) },
    tampered: { fact: id(7), pos: '1234567', was: 'a'.repeat(32), is: 'b'.repeat(32), findings: [finding], facts: '', ms: 157 },
    paid: {
      payment: trace(6), transfer: trace(7), amount: 25_000n, currency: 'INR', payerBalance: 9_876_543_210n, payeeBalance: 25_000n, fact: id(8), pos: 1_234_568n, who: 'person',
      sha256: 'cd'.repeat(32), events: 2n, answered: '9876543210', to: '@ravi', trace: trace(6),
    },
    spread: {
      pos: 98_770n, event: id(4), notice: id(5), trace: trace(9), text: tourTexts(at)[1], letter: undefined, signed: true, hook: { status: 'done', attempts: 1, message: id(4) },
      messages: [
        { channel: 'inbox', state: 'delivered', reason: null, provider: null }, { channel: 'text', state: 'sent', reason: null, provider: 'http' },
        { channel: 'email', state: 'suppressed', reason: 'no-address', provider: null },
      ],
    },
    restored: { findings: [], facts: 'IN  audit chain  1234567 facts in order', ms: 160 },
  };
  return {
    ready: { ...base, signedIn: false, now: { ...now, text: undefined } },
    empty: { ...base, signedIn: false, now: { seen: { ...seen, events: [], facts: [], signIn: [] }, down: false, answered: 0, text: undefined, postings: [] } },
    done: { ...base, told },
    error: { ...base, signedIn: false, told: { refused: { step: 2, why: 'signInFirst' }, tampered: told.tampered as NonNullable<Told['tampered']> } },
    stale: { ...base, now: { ...now, down: true }, told: { fed: told.fed as NonNullable<Told['fed']>, cut: { at, until: new Date(at.getTime() + 7000) } } },
  };
}
