import type { VNode } from 'preact';
import { fill, form, page, type FormState, type Outcome, type PageContext, type Rendered } from '#kernel';
import { ErrorSummary, Facts, Hidden } from '#kit';
import type { ClosedView, ClosingView } from '../contract.ts';
import { closeRoute, closingRoute } from '../routes.ts';
import { accountName } from './names.tsx';
import { errorText, inSentence, problemText, wordsOf } from './parts.tsx';

type Into = ClosingView['into'][number];

const counted = (texts: { none: string; one: string; many: string }, n: number): string =>
  (n === 0 ? texts.none : fill(n === 1 ? texts.one : texts.many, { n }));

function Back({ context, text }: { context: PageContext; text: string }): VNode {
  return <p class="back"><a href={`${context.base}/wallet/accounts/${context.params.account ?? ''}`}>{text}</a></p>;
}

const nameOf = (context: PageContext, c: ClosingView, a: Into): string => accountName(wordsOf(context), a.handle ?? a.account, c.account.currency);

/** What happens, one line each, before anybody is asked to say yes. */
function What({ context, c }: { context: PageContext; c: ClosingView }): VNode {
  const w = wordsOf(context).close;
  const [only] = c.into;
  const paid = c.interest.amount > 0n && only !== undefined;
  const leaves = c.rest.amount > 0n && only !== undefined;
  return (
    <Facts rows={[
      ...(leaves ? [{ label: w.rest, value: fill(c.into.length === 1 ? w.goesTo : w.goes, { amount: inSentence(context, c.rest),
        to: nameOf(context, c, only) }) }] : []),
      ...(paid ? [{ label: w.interest, value: fill(w.interestPaid, { amount: inSentence(context, c.interest) }) }] : []),
      { label: w.requests, value: counted(w.requestsEnd, c.requests) }, { label: w.schedules, value: counted(w.schedulesEnd, c.schedules) },
      ...(c.account.handle === null ? [] : [{ label: w.name, value: fill(w.nameStays, { name: c.account.handle }) }]),
      { label: w.statements, value: w.statementsStay },
    ]} />
  );
}

function Choose({ context, c }: { context: PageContext; c: ClosingView }): VNode | null {
  const w = wordsOf(context).close;
  const [only, ...more] = c.into;
  if (!only) return null;
  if (!more.length) return <input type="hidden" name="into" value={only.account} />;
  return (
    <div class="field">
      <label for="into">{w.into}</label>
      <select id="into" name="into" class="w20">
        {c.into.map((a) => <option value={a.account}>{`${nameOf(context, c, a)} (${inSentence(context, a.balance)})`}</option>)}
      </select>
    </div>
  );
}

function Sure({ context, c }: { context: PageContext; c: ClosingView }): VNode {
  const w = wordsOf(context).close;
  const lost = c.interest.amount > 0n && !c.into.length;
  const lead = lost ? fill(w.lost, { amount: inSentence(context, c.interest) }) : c.rest.amount > 0n ? w.lead : w.leadEmpty;
  return (
    <>
      <h1>{w.title}</h1>
      <p class="lead">{lead}</p>
      <What context={context} c={c} />
      <form method="post" action={`${context.base}/wallet/accounts/${c.account.account}/close`} noValidate>
        <Hidden context={context} />
        <Choose context={context} c={c} />
        {lost && <input type="hidden" name="letGo" value="yes" />}
        <div class="actions"><button type="submit" class="main">{w.go}</button></div>
      </form>
      <Back context={context} text={w.keep} />
    </>
  );
}

/** Why not now, and what to do about it. */
function NotYet({ context, c }: { context: PageContext; c: ClosingView }): VNode {
  const w = wordsOf(context).close;
  const at = `${context.base}/wallet`;
  const text = c.stands ? w.stands[c.stands] : fill(w.noOther, { amount: inSentence(context, c.rest), currency: c.account.currency });
  return (
    <>
      <h1>{c.stands === 'account-closed' ? w.closed : w.notYet}</h1>
      <p class="lead">{text}</p>
      {!c.stands && (
        <ul class="links">
          <li><a href={`${at}#open`}>{w.openOther}</a></li>
          <li><a href={`${at}/accounts/${c.account.account}/withdraw`}>{wordsOf(context).account.withdraw}</a></li>
        </ul>
      )}
      <Back context={context} text={wordsOf(context).account.backToOne} />
    </>
  );
}

function closingView(context: PageContext, outcome: Outcome<ClosingView>): Rendered {
  const w = wordsOf(context);
  if (!outcome.ok) {
    const text = w.problems['unknown-account'];
    return { title: text, body: <><h1>{text}</h1><p class="back"><a href={`${context.base}/wallet`}>{w.account.back}</a></p></> };
  }
  const c = outcome.value;
  const homeless = !c.into.length && c.rest.amount > c.interest.amount;
  return { title: w.close.link, body: c.stands || homeless ? <NotYet context={context} c={c} /> : <Sure context={context} c={c} /> };
}

/** Something changed between the look and the yes: why nothing was done, and the way to look again. */
function closingAgain(context: PageContext, state: FormState): Rendered {
  const w = wordsOf(context).close;
  const at = `${context.base}/wallet/accounts/${context.params.account ?? ''}`;
  const why = problemText(context, state, undefined);
  return {
    title: w.link,
    body: (
      <>
        <ErrorSummary form={state} errorText={errorText(context)} context={context}>{why && <p>{why}</p>}</ErrorSummary>
        <h1>{w.notYet}</h1>
        <p class="lead">{w.unchanged}</p>
        <p class="actions"><a class="button second" href={`${at}/close`}>{w.lookAgain}</a></p>
        <Back context={context} text={wordsOf(context).account.backToOne} />
      </>
    ),
  };
}

export const closingPage = page<ClosingView>('GET /wallet/accounts/:account/close', {
  route: closingRoute, input: ({ params }) => ({ params }),
  view: (context, outcome, state) => (state.problem ? closingAgain(context, state) : closingView(context, outcome)),
});
export const closeForm = form('POST /wallet/accounts/:account/close', {
  route: closeRoute,
  fields: (values, context) => ({ input: { params: context.params, body: { ...(values.into ? { into: values.into } : {}),
    ...(values.letGo === 'yes' ? { letGo: true } : {}) } } }),
  then: (value: ClosedView) => ({ to: `/wallet/accounts/${value.account.account}?closed=${value.requests}-${value.schedules}` }),
  again: closingAgain,
});
