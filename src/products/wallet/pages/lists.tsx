import type { VNode } from 'preact';
import { fill, form, money, page, type Currency, type FormState, type Outcome, type PageContext, type Rendered } from '#kernel';
import { Badge, ErrorSummary, Facts, Notice, type Meaning } from '#kit';
import { PAYEE_CLOSED, type LimitsView, type OrderView, type RequestView, type ScheduleView } from '../contract.ts';
import { acceptRoute, declineRoute, limitsRoute, orderRoute, requestsRoute, schedulesRoute, stopRoute } from '../routes.ts';
import { accountName } from './names.tsx';
import { ButtonForm, dateText, dayText, errorText, inSentence, inTable, problemText, timeText, wordsOf } from './parts.tsx';

const Back = ({ context }: { context: PageContext }): VNode => <p class="back"><a href={`${context.base}/wallet`}>{wordsOf(context).account.back}</a></p>;

const REQUEST_MEANING: Record<RequestView['state'], Meaning> = { open: 'waiting', accepted: 'done', declined: 'failed', cancelled: 'failed',
  expired: 'failed' };

export function Request({ context, r }: { context: PageContext; r: RequestView }): VNode {
  const w = wordsOf(context).requests;
  const amount = inSentence(context, r.amount);
  const at = `/wallet/requests/${r.request}`;
  const code = r.mine && context.params.request === undefined;
  return (
    <li class="card">
      <p class="what"><strong>{fill(r.mine ? w.byYou : w.toYou, { with: accountName(wordsOf(context), r.with, r.amount.currency), amount })}</strong></p>
      {r.note !== null && <p>{r.note}</p>}
      <p class="state">
        <Badge meaning={r.state === 'open' && !r.mine ? 'needs-you' : REQUEST_MEANING[r.state]}>{w.states[r.state]}</Badge>{' '}
        <span class="quiet">{r.state === 'open' ? fill(w.until, { date: dayText(context, r.expiresAt) }) : fill(w.on, { date: dayText(context,
          r.createdAt) })}</span>
      </p>
      {r.state === 'open' && (
        <div class="row">
          {!r.mine && <ButtonForm context={context} action={`${at}/accept`} label={fill(w.accept, { amount })} kind="main" />}
          <ButtonForm context={context} action={`${at}/decline`} label={r.mine ? w.cancel : w.decline} kind="second" />
          {code && <a href={`${context.base}${at}`} aria-label={`${w.code}: ${amount}`}>{w.code}</a>}
        </div>
      )}
    </li>
  );
}

function requestsView(context: PageContext, outcome: Outcome<{ requests: RequestView[] }> | undefined, state: FormState): Rendered {
  const w = wordsOf(context).requests;
  const requests = outcome?.ok ? outcome.value.requests : [];
  const problem = problemText(context, state, typeof state.data?.currency === 'string' ? state.data.currency : 'INR');
  return {
    title: w.title, islands: ['wallet-live'], refreshSeconds: 300,
    body: (
      <div class="live" aria-live="polite" data-changes={`${context.base}/wallet/changes`}>
        <ErrorSummary form={state} errorText={errorText(context)} context={context}>{problem && <p>{problem}</p>}</ErrorSummary>
        <h1>{w.title}</h1>
        <p class="lead">{requests.length ? w.lead : w.empty}</p>
        <ul class="cards">{requests.map((r) => <Request context={context} r={r} />)}</ul>
        <Back context={context} />
      </div>
    ),
  };
}
const requestsAgain = (context: PageContext, state: FormState): Rendered => requestsView(context, undefined, state);
export const requestsPage = page<{ requests: RequestView[] }>('GET /wallet/requests', { route: requestsRoute, input: () => ({}), view: requestsView });
export const acceptForm = form('POST /wallet/requests/:request/accept', {
  route: acceptRoute, fields: (_values, context) => ({ input: { params: context.params } }), then: () => ({ to: '/wallet/requests' }), again: requestsAgain,
});
export const declineForm = form('POST /wallet/requests/:request/decline', {
  route: declineRoute, fields: (_values, context) => ({ input: { params: context.params } }), then: () => ({ to: '/wallet/requests' }), again: requestsAgain,
});

function Schedule({ context, s }: { context: PageContext; s: ScheduleView }): VNode {
  const w = wordsOf(context).schedules;
  const problems = wordsOf(context).problems as Readonly<Record<string, string>>;
  return (
    <li class="card">
      <p class="what"><strong>{`${fill(w.line, { amount: inSentence(context, s.amount),
        to: accountName(wordsOf(context), s.to, s.amount.currency) })}, ${w.each[s.every]}`}</strong></p>
      <p class="state">
        <Badge meaning={s.state === 'active' ? 'waiting' : s.state === 'done' ? 'done' : 'failed'}>{w.states[s.state]}</Badge>{' '}
        {s.state === 'active' && <span class="quiet">{fill(w.next, { date: dateText(context, s.nextOn) })}</span>}
      </p>
      {s.lastProblem !== null && (
        <p class="error">{s.lastProblem === PAYEE_CLOSED ? w.ended : fill(w.failed, { problem: problems[s.lastProblem] ?? problems.other ?? '' })}</p>
      )}
      {s.state === 'active' && <ButtonForm context={context} action={`/wallet/schedules/${s.schedule}/stop`} label={w.stop} kind="second" />}
    </li>
  );
}
function schedulesView(context: PageContext, outcome: Outcome<{ schedules: ScheduleView[] }> | undefined): Rendered {
  const w = wordsOf(context).schedules;
  const schedules = outcome?.ok ? outcome.value.schedules : [];
  return {
    title: w.title,
    body: (
      <>
        <h1>{w.title}</h1>
        {!schedules.length && <p class="lead">{w.empty}</p>}
        <ul class="cards">{schedules.map((s) => <Schedule context={context} s={s} />)}</ul>
        <Back context={context} />
      </>
    ),
  };
}
export const schedulesPage = page<{ schedules: ScheduleView[] }>('GET /wallet/schedules', { route: schedulesRoute, input: () => ({}), view: schedulesView });
export const stopForm = form('POST /wallet/schedules/:schedule/stop', {
  route: stopRoute, fields: (_values, context) => ({ input: { params: context.params } }), then: () => ({ to: '/wallet/schedules' }),
  again: (context) => schedulesView(context, undefined),
});

function limitsView(context: PageContext, outcome: Outcome<LimitsView>): Rendered {
  const w = wordsOf(context).limits;
  if (!outcome.ok) return { title: w.title, body: <h1>{w.title}</h1> };
  const tiers = w.tiers as Readonly<Record<string, string>>;
  return {
    title: w.title,
    body: (
      <>
        <p class="eyebrow">{tiers[String(outcome.value.tier)] ?? ''}</p>
        <h1>{w.title}</h1>
        <p class="lead">{w.lead}</p>
        {outcome.value.limits.map((l) => {
          const text = (amount: bigint): string => inTable(context, money(amount, l.currency as Currency));
          return (
            <section>
              <h2>{l.currency}</h2>
              <Facts rows={[
                { label: w.perTransfer, value: text(l.perTransfer) },
                { label: w.perDay, value: fill(w.left, { used: text(l.spentToday), limit: text(l.perDay) }) },
                { label: w.perMonth, value: fill(w.left, { used: text(l.spentThisMonth), limit: text(l.perMonth) }) },
                { label: w.count, value: fill(w.left, { used: l.countToday, limit: l.countPerDay }) },
              ]} />
            </section>
          );
        })}
        <Back context={context} />
      </>
    ),
  };
}
export const limitsPage = page<LimitsView>('GET /wallet/limits', { route: limitsRoute, input: () => ({}), view: limitsView });

const ORDER_MEANING: Record<OrderView['state'], Meaning> = { pending: 'waiting', done: 'done', refused: 'failed', unknown: 'waiting' };
function orderView(context: PageContext, outcome: Outcome<OrderView>): Rendered {
  const w = wordsOf(context).order;
  if (!outcome.ok) return { title: w.title, body: <><h1>{w.none}</h1><Back context={context} /></> };
  const o = outcome.value;
  const reasons = w.reasons as Readonly<Record<string, string>>;
  const open = o.state === 'pending' || o.state === 'unknown';
  return {
    title: w.title, islands: ['wallet-live'], ...(open ? { refreshSeconds: 5 } : {}),
    body: (
      <div class="live" aria-live="polite" data-changes={`${context.base}/wallet/changes`} data-pending={open}>
        <h1>{fill(w[o.direction][o.state], { amount: inSentence(context, o.amount) })}</h1>
        <p class="state"><Badge meaning={ORDER_MEANING[o.state]}>{w.states[o.state]}</Badge></p>
        {open && <Notice meaning="waiting" title={w.next} />}
        <Facts rows={[
          { label: w.bank, value: `•••• ${o.ending}` }, { label: w.asked, value: timeText(context, o.createdAt) },
          ...(o.doneAt ? [{ label: w.ended, value: timeText(context, o.doneAt) }] : []),
          ...(o.reason === null ? [] : [{ label: w.reason, value: reasons[o.reason] ?? reasons.other ?? '' }]),
        ]} />
        <p class="back"><a href={`${context.base}/wallet/accounts/${o.account}`}>{wordsOf(context).account.backToOne}</a></p>
      </div>
    ),
  };
}
export const orderPage = page<OrderView>('GET /wallet/orders/:order', { route: orderRoute, view: orderView });
