import { idOf, notice, uuid } from '#kernel';
import { tells } from '#platform/notify';
import { Closed, KycChanged, OrderChanged, PaymentMade, RequestChanged, ScheduleEnded } from '../contract.ts';
import { en } from '../words/en.ts';
import { hi } from '../words/hi.ts';

const movement = { lane: 'critical', offered: ['inbox', 'push', 'text', 'email'], chosen: ['inbox', 'push', 'email'], lifeMs: 86_400_000,
  values: ['amount', 'currency'] } as const;
export const received = notice('wallet.received', { doc: 'Money came into an account of the person.', ...movement,
  texts: { en: en.notices.received, hi: hi.notices.received } });
export const sent = notice('wallet.sent', { doc: 'Money left an account of the person.', ...movement, texts: { en: en.notices.sent, hi: hi.notices.sent } });
export const closed = notice('wallet.closed', {
  ...movement, doc: 'An account of the person was closed: what was left in it, by whom, and how many requests and scheduled payments ended with it.',
  values: [...movement.values, 'requests', 'schedules', 'by'], texts: { en: en.notices.closed, hi: hi.notices.closed },
});
export const scheduleEnded = notice('wallet.schedule-ended', {
  ...movement, doc: 'A scheduled payment of the person ended: the account that it paid is closed.', lane: 'normal', lifeMs: 7 * 86_400_000,
  texts: { en: en.notices.scheduleEnded, hi: hi.notices.scheduleEnded },
});
export const known = notice('wallet.known', {
  doc: 'The office looked at the person’s documents: what they may send has changed, or more is needed.', lane: 'normal',
    offered: ['inbox', 'push', 'text', 'email'],
  chosen: ['inbox', 'push', 'text', 'email'], lifeMs: 7 * 86_400_000, values: [], texts: { en: en.notices.known, hi: hi.notices.known },
});
export const bankOrder = notice('wallet.bank-order', {
  ...movement, doc: 'An order of the person to a bank was done, was refused, or has no answer after a day.',
  values: [...movement.values, 'direction', 'outcome'], texts: { en: en.notices.bankOrder, hi: hi.notices.bankOrder },
});
/** Says neither who nor how much, so that one stands for all that the same person asks for within an hour: nobody is rung again and again. */
export const asked = notice('wallet.asked', { doc: 'Somebody asks the person for money.', ...movement, values: [],
  texts: { en: en.notices.asked, hi: hi.notices.asked } });
export const declined = notice('wallet.declined', { doc: 'A request for money of the person was declined.', ...movement, values: [],
  texts: { en: en.notices.declined, hi: hi.notices.declined } });
export const notices = [received, sent, bankOrder, asked, declined, closed, scheduleEnded, known];
const linkTo = (account: string): string => `/wallet/accounts/${idOf('wal', uuid(account))}`;

export const tellOfPayments = tells(PaymentMade, ({ data: d }) => (d.payer === d.payee ? [] : [
  { kind: received, telling: { person: uuid(d.payee), dedupe: d.payment, data: { amount: d.amount, currency: d.currency }, link: linkTo(d.to) } },
  { kind: sent, telling: { person: uuid(d.payer), dedupe: d.payment, data: { amount: d.amount, currency: d.currency }, link: linkTo(d.from) } },
]));
export const tellOfClosings = tells(Closed, ({ data: d }) => [{ kind: closed, telling: { person: uuid(d.person), dedupe: d.account, link: linkTo(d.account),
  data: { amount: d.rest, currency: d.currency, requests: String(d.requests), schedules: String(d.schedules), by: d.office ? 'office' : 'holder' } } }]);
export const tellOfSchedules = tells(ScheduleEnded, ({ data: d }) => [{ kind: scheduleEnded, telling: { person: uuid(d.person), dedupe: d.schedule,
  link: '/wallet/schedules', data: { amount: d.amount, currency: d.currency } } }]);
export const tellOfTiers = tells(KycChanged, ({ data: d }) => (d.state === 'open' ? []
  : [{ kind: known, telling: { person: uuid(d.person), dedupe: `${d.case} ${d.state}`, data: {}, link: '/wallet/kyc' } }]));
const outcomeOf = (state: string, direction: string | undefined): string =>
  (state === 'done' ? (direction === 'in' ? 'came' : 'went') : state === 'refused' ? 'refused' : 'unanswered');
/** An order is told of once its end is known, or that nobody knows it; one from before amounts stood in the event is not. */
export const tellOfOrders = tells(OrderChanged, ({ data: d }) => (d.state === 'pending' || d.amount === undefined ? [] : [{ kind: bankOrder,
  telling: { person: uuid(d.person), dedupe: `${d.order} ${d.state}`, link: `/wallet/orders/${idOf('word', uuid(d.order))}`,
    data: { amount: d.amount, currency: d.currency ?? '', direction: d.direction ?? '', outcome: outcomeOf(d.state, d.direction) } } }]));
const hourOf = (at: Date): string => at.toISOString().slice(0, 13);
/** One that is accepted is told of as the payment that it became. */
export const tellOfRequests = tells(RequestChanged, ({ at, data: d }) => {
  if (d.state === 'open') return [{ kind: asked, telling: { person: uuid(d.payer), dedupe: `${d.payee} ${hourOf(at)}`, data: {}, link: '/wallet/requests' } }];
  return d.state === 'declined' ? [{ kind: declined, telling: { person: uuid(d.payee), dedupe: d.request, data: {},
    link: `/wallet/requests/${idOf('wreq', uuid(d.request))}` } }] : [];
});
