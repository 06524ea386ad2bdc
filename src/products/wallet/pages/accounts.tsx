import type { VNode } from 'preact';
import { addMoney, done, fill, form, page, type FormState, type Money, type Outcome, type PageContext, type Rendered } from '#kernel';
import { Badge, ErrorSummary, Hidden } from '#kit';
import type { z } from 'zod';
import type { AccountView, zAccounts } from '../contract.ts';
import { accountsRoute, openRoute } from '../routes.ts';
import { accountName } from './names.tsx';
import { dayText, errorText, inSentence, inTable, problemText, wordsOf } from './parts.tsx';

type Accounts = z.output<typeof zAccounts>;

function homeView(context: PageContext): Rendered {
  const w = wordsOf(context).home;
  return {
    title: wordsOf(context).name,
    body: (
      <>
        <h1>{w.title}</h1>
        <p class="lead">{w.lead}</p>
        <p class="actions"><a class="button" href={`${context.base}${context.signedIn ? '/wallet' : '/sign-in'}`}>{context.signedIn ? w.open : w.signIn}</a></p>
        <p class="quiet">{w.safety}</p>
      </>
    ),
  };
}
export const homePage = page('GET /', { scope: 'public', view: homeView, states: () => ({ ready: { outcome: done(null) } }) });

function Row({ context, a }: { context: PageContext; a: AccountView }): VNode {
  const w = wordsOf(context).accounts;
  return (
    <li>
      <a href={`${context.base}/wallet/accounts/${a.account}`}>
        <strong>{accountName(wordsOf(context), a.handle ?? a.account, a.currency)}</strong>
        <span class="amount">{inTable(context, a.balance)}</span>
        {a.state === 'frozen' ? <Badge meaning="needs-you">{w.frozen}</Badge>
          : a.held.amount > 0n ? <Badge meaning="waiting">{fill(w.held, { amount: inSentence(context, a.held) })}</Badge>
            : <span class="quiet small">{a.currency}</span>}
      </a>
    </li>
  );
}

/** The sum of each currency, in the order of opening. */
function totals(accounts: readonly AccountView[]): Money[] {
  const sums = new Map<string, Money>();
  for (const { balance } of accounts) {
    const known = sums.get(balance.currency);
    sums.set(balance.currency, known ? addMoney(known, balance) : balance);
  }
  return [...sums.values()];
}

function OpenForm({ context, state }: { context: PageContext; state: FormState }): VNode {
  const w = wordsOf(context).accounts;
  return (
    <form method="post" action={`${context.base}/wallet`}>
      <Hidden context={context} />
      <div class="field">
        <label for="currency">{w.currency}</label>
        <p class="hint" id="currency-hint">{w.openHint}</p>
        <select id="currency" name="currency" class="w10" aria-describedby="currency-hint">
          {['INR', 'USD'].map((c) => <option value={c} selected={c === state.values.currency}>{c}</option>)}
        </select>
      </div>
      <button type="submit" class="second">{w.open}</button>
    </form>
  );
}

/** Apart from the others and quiet: nothing can be done with them but read. */
function ClosedOnes({ context, closed }: { context: PageContext; closed: readonly AccountView[] }): VNode {
  const w = wordsOf(context);
  return (
    <>
      <h2>{w.close.list}</h2>
      <p class="hint">{w.close.listLead}</p>
      <ul class="links">
        {closed.map((a) => (
          <li><a href={`${context.base}/wallet/accounts/${a.account}`}>{fill(w.close.line, { name: accountName(w, a.handle ?? a.account, a.currency),
            date: dayText(context, a.closedAt ?? a.openedAt) })}</a></li>
        ))}
      </ul>
    </>
  );
}

function listView(context: PageContext, outcome: Outcome<Accounts> | undefined, state: FormState): Rendered {
  const w = wordsOf(context).accounts;
  const accounts = outcome?.ok ? outcome.value.accounts : [];
  const closed = outcome?.ok ? outcome.value.closed : [];
  const none = closed.length ? w.emptyNow : w.empty;
  const total = totals(accounts).map((m) => inSentence(context, m)).join(' + ');
  const problem = problemText(context, state, undefined);
  return {
    title: w.title, islands: ['wallet-live'], refreshSeconds: 300,
    body: (
      <div class="live" aria-live="polite" data-changes={`${context.base}/wallet/changes`}>
        <ErrorSummary form={state} errorText={errorText(context)} context={context}>{problem && <p>{problem}</p>}</ErrorSummary>
        <h1>{w.title}</h1>
        <p class="lead">{accounts.length === 0 ? none : fill(accounts.length === 1 ? w.leadOne : w.lead, { total, count: accounts.length })}</p>
        {accounts.length > 0 && <ul class="years">{accounts.map((a) => <Row context={context} a={a} />)}</ul>}
        <h2>{w.more}</h2>
        <ul class="links">
          <li><a href={`${context.base}/wallet/requests`}>{w.requests}</a></li>
          <li><a href={`${context.base}/wallet/schedules`}>{w.schedules}</a></li>
          <li><a href={`${context.base}/wallet/limits`}>{w.limits}</a></li>
          <li><a href={`${context.base}/devices`}>{w.devices}</a></li>
          <li><a href={`${context.base}/wallet/kyc`}>{wordsOf(context).kyc.link}</a></li>
        </ul>
        <h2 id="open">{w.open}</h2>
        <OpenForm context={context} state={state} />
        {closed.length > 0 && <ClosedOnes context={context} closed={closed} />}
      </div>
    ),
  };
}

export const listPage = page<Accounts>('GET /wallet', { route: accountsRoute, input: () => ({}), view: listView });
export const openForm = form('POST /wallet', {
  route: openRoute,
  fields: (values) => (/^[A-Z]{3}$/.test(values.currency ?? '') ? { input: { body: { currency: values.currency } } } : { errors: { currency: 'currency' } }),
  then: (value: AccountView) => ({ to: `/wallet/accounts/${value.account}` }),
  again: (context, state) => listView(context, undefined, state),
});
