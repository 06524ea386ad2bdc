import type { VNode } from 'preact';
import { fill, form, page, type FormState, type Outcome, type PageContext, type Rendered } from '#kernel';
import { ErrorSummary, Field, Hidden, Notice } from '#kit';
import type { z } from 'zod';
import type { AccountView, Entry, zActivityPage } from '../contract.ts';
import { activityRoute, claimRoute, freezeRoute } from '../routes.ts';
import { whatText } from './names.tsx';
import { ButtonForm, dayText, errorText, inSentence, inTable, problemText, timeText, wordsOf } from './parts.tsx';

type Activity = z.output<typeof zActivityPage>;

function Actions({ context, a }: { context: PageContext; a: AccountView }): VNode {
  const w = wordsOf(context).account;
  const at = `${context.base}/wallet/accounts/${a.account}`;
  return (
    <p class="actions">
      <a class="button" href={`${at}/pay`}>{w.pay}</a>
      <a class="button second" href={`${at}/ask`}>{w.ask}</a>
      <a class="button second" href={`${at}/receive`}>{wordsOf(context).receive.title}</a>
      <a class="button second" href={`${at}/add`}>{w.add}</a>
      <a class="button second" href={`${at}/withdraw`}>{w.withdraw}</a>
      <a class="button second" href={`${at}/plan`}>{w.plan}</a>
      <a class="button second" href={`${at}/statement`}>{wordsOf(context).statement.link}</a>
    </p>
  );
}

function Line({ context, e }: { context: PageContext; e: Entry }): VNode {
  return (
    <tr>
      <td><time dateTime={e.at.toISOString()} title={timeText(context, e.at)}>{dayText(context, e.at)}</time></td>
      <td>{whatText(wordsOf(context), e)}{e.note !== null && <span class="note">{e.note}</span>}</td>
      <td class="amount">{`${e.change.amount > 0n ? '+' : ''}${inTable(context, e.change)}`}</td>
      <td class="amount quiet" data-label={wordsOf(context).account.after}>{inTable(context, e.balance)}</td>
    </tr>
  );
}

function Rows({ context, y }: { context: PageContext; y: Activity }): VNode {
  const w = wordsOf(context).account;
  const at = `${context.base}/wallet/accounts/${y.account.account}`;
  if (!y.entries.length) return <p class="quiet">{y.account.state === 'closed' ? wordsOf(context).statement.none : w.noActivity}</p>;
  return (
    <>
      <div class="scroll" tabIndex={0} role="region" aria-label={w.activity}>
        <table class="rows">
          <thead><tr><th scope="col">{w.date}</th><th scope="col">{w.what}</th><th scope="col" class="amount">{w.amount}</th>
            <th scope="col" class="amount">{w.after}</th></tr></thead>
          <tbody>{y.entries.map((e) => <Line context={context} e={e} />)}</tbody>
        </table>
      </div>
      <p class="pages">
        {context.query.cursor !== undefined && <a href={at}>{w.newest}</a>}{' '}
        {y.next !== null && <a href={`${at}?cursor=${y.next}`}>{w.older}</a>}
      </p>
    </>
  );
}

function NameForm({ context, account, handle, state }: { context: PageContext; account: string; handle: string | null; state: FormState }): VNode {
  const w = wordsOf(context).account;
  const shown: FormState = { ...state, values: { handle: handle ?? '', ...state.values } };
  return (
    <form method="post" action={`${context.base}/wallet/accounts/${account}/name`} noValidate>
      <Hidden context={context} />
      <Field name="handle" label={w.nameLabel} hint={w.nameHint} form={shown} errorText={errorText(context)} context={context} width={20} maxLength={31} />
      <button type="submit" class="second">{w.nameSave}</button>
    </form>
  );
}

function Freeze({ context, a }: { context: PageContext; a: AccountView }): VNode {
  const w = wordsOf(context).account;
  const action = `/wallet/accounts/${a.account}/freeze`;
  if (a.state === 'frozen' && a.frozenBy === 'operator') return <p>{w.frozenByOffice}</p>;
  if (a.state === 'frozen') {
    return <><p>{w.frozenByYou}</p><ButtonForm context={context} action={action} label={w.unfreeze} kind="second" fields={{ frozen: 'no' }} /></>;
  }
  return <><p class="hint">{w.freezeHint}</p><ButtonForm context={context} action={action} label={w.freeze} kind="link" fields={{ frozen: 'yes' }} /></>;
}

function accountView(context: PageContext, outcome: Outcome<Activity>): Rendered {
  const w = wordsOf(context).account;
  const back = <p class="back"><a href={`${context.base}/wallet`}>{w.back}</a></p>;
  if (!outcome.ok) {
    const text = wordsOf(context).problems['unknown-account'];
    return { title: text, body: <><h1>{text}</h1>{back}</> };
  }
  const { account: a } = outcome.value;
  if (a.state === 'closed') return { title: wordsOf(context).close.closed, body: <Closed context={context} y={outcome.value}>{back}</Closed> };
  return {
    title: a.handle ?? fill(w.title, { currency: a.currency }), islands: ['wallet-live'], refreshSeconds: 300,
    body: (
      <div class="live" aria-live="polite" data-changes={`${context.base}/wallet/changes`}>
        {context.query.paid !== undefined && <Notice meaning="done" title={w.sent} />}
        {a.state === 'frozen' && <Notice meaning="needs-you" title={a.frozenBy === 'operator' ? w.frozenByOffice : w.frozenByYou} />}
        <p class="eyebrow">{`${fill(w.title, { currency: a.currency })}${a.handle ? `, ${a.handle}` : ''}`}</p>
        <h1>{fill(w.available, { amount: inSentence(context, a.available) })}</h1>
        {a.held.amount > 0n && <p class="quiet">{fill(w.heldText, { amount: inSentence(context, a.held) })}</p>}
        <Actions context={context} a={a} />
        <h2>{w.activity}</h2>
        <Rows context={context} y={outcome.value} />
        <h2>{w.name}</h2>
        <NameForm context={context} account={a.account} handle={a.handle?.slice(1) ?? null} state={{ values: {}, errors: {} }} />
        <h2>{w.freeze}</h2>
        <Freeze context={context} a={a} />
        <p class="quiet small"><a href={`${context.base}/wallet/accounts/${a.account}/close`}>{wordsOf(context).close.link}</a></p>
        {back}
      </div>
    ),
  };
}

/** What stays of a closed account: what happened, and its statements. */
function Closed({ context, y, children }: { context: PageContext; y: Activity; children: VNode }): VNode {
  const w = wordsOf(context);
  const { account: a } = y;
  const ended = /^(\d{1,3})-(\d{1,3})$/.exec(context.query.closed ?? '');
  return (
    <>
      {ended && <Notice meaning="done" title={w.close.done}><p>{fill(w.close.ended, { requests: ended[1] ?? '', schedules: ended[2] ?? '' })}</p></Notice>}
      <p class="eyebrow">{`${fill(w.account.title, { currency: a.currency })}${a.handle ? `, ${a.handle}` : ''}`}</p>
      <h1>{w.close.closed}</h1>
      <p class="lead">{fill(a.closedBy === 'operator' ? w.close.byOfficeOn : w.close.closedOn, { date: dayText(context, a.closedAt ?? a.openedAt) })}</p>
      <p class="actions"><a class="button second" href={`${context.base}/wallet/accounts/${a.account}/statement`}>{w.statement.link}</a></p>
      <h2>{w.account.activity}</h2>
      <Rows context={context} y={y} />
      {children}
    </>
  );
}

const inputOf = (context: PageContext): unknown => ({
  params: context.params, ...(context.query.cursor === undefined ? {} : { query: { cursor: context.query.cursor } }),
});
export const accountPage = page<Activity>('GET /wallet/accounts/:account', { route: activityRoute, input: inputOf, view: accountView });

function nameAgain(context: PageContext, state: FormState): Rendered {
  const w = wordsOf(context).account;
  const problem = problemText(context, state, undefined);
  const account = context.params.account ?? '';
  return {
    title: w.name,
    body: (
      <>
        <ErrorSummary form={state} errorText={errorText(context)} context={context}>{problem && <p>{problem}</p>}</ErrorSummary>
        <h1>{w.name}</h1>
        <NameForm context={context} account={account} handle={null} state={state} />
        <p class="back"><a href={`${context.base}/wallet/accounts/${account}`}>{w.back}</a></p>
      </>
    ),
  };
}

export const nameForm = form('POST /wallet/accounts/:account/name', {
  route: claimRoute,
  fields(values, context) {
    const handle = `@${(values.handle ?? '').trim().toLowerCase().replace(/^@/, '')}`;
    return /^@[a-z][a-z0-9_.]{2,29}$/.test(handle) ? { input: { params: context.params, body: { handle } } } : { errors: { handle: 'handle' } };
  },
  then: (value: AccountView) => ({ to: `/wallet/accounts/${value.account}` }),
  again: nameAgain,
});

export const freezeForm = form('POST /wallet/accounts/:account/freeze', {
  route: freezeRoute,
  fields: (values, context) => ({ input: { params: context.params, body: { frozen: values.frozen === 'yes' } } }),
  then: (value: AccountView) => ({ to: `/wallet/accounts/${value.account}` }),
  again: nameAgain,
});
