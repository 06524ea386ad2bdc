import type { VNode } from 'preact';
import { decimalText, fill, isCurrency, money, page, typedAmount, type Currency, type FormState, type Outcome, type PageContext, type Rendered } from '#kernel';
import { Field } from '#kit';
import type { z } from 'zod';
import type { AccountView, ReceiveView, RequestLinkView, zAccounts } from '../contract.ts';
import { accountsRoute, receiveRoute, requestRoute } from '../routes.ts';
import { Code } from './code.tsx';
import { Request } from './lists.tsx';
import { payView } from './move.tsx';
import { accountName } from './names.tsx';
import { errorText, inSentence, wordsOf } from './parts.tsx';

const Back = ({ context, to, text }: { context: PageContext; to: string; text: string }): VNode =>
  <p class="back"><a href={`${context.base}${to}`}>{text}</a></p>;

/** The code, and the same link for whoever cannot scan it. */
function Link({ context, link, label }: { context: PageContext; link: string; label: string }): VNode {
  return (
    <>
      <p><Code link={link} label={label} /></p>
      <p class="hint">{wordsOf(context).receive.link}</p>
      <p><a href={link}>{link}</a></p>
    </>
  );
}

/** What is asked for: nothing, an amount, or something that is none. */
function askedOf(context: PageContext, currency: Currency): { typed: string; amount: bigint | undefined; wrong: boolean } {
  const typed = (context.query.amount ?? '').trim();
  const amount = typed ? typedAmount(typed, currency) : undefined;
  return { typed, amount: amount !== undefined && amount > 0n ? amount : undefined, wrong: typed !== '' && !(amount !== undefined && amount > 0n) };
}

function Taking({ context, a, site }: { context: PageContext; a: AccountView & { handle: string }; site: string }): VNode {
  const w = wordsOf(context).receive;
  const { typed, amount, wrong } = askedOf(context, a.currency as Currency);
  const shown = amount === undefined ? undefined : money(amount, a.currency as Currency);
  const query = new URLSearchParams({ to: a.handle, ...(shown ? { amount: decimalText(shown), currency: shown.currency } : {}) });
  const form: FormState = { values: { amount: typed }, errors: wrong ? { amount: 'amount' } : {} };
  return (
    <>
      <h1>{shown ? fill(w.titleAmount, { amount: inSentence(context, shown), name: a.handle }) : fill(w.titleName, { name: a.handle })}</h1>
      <p class="lead">{w.lead}</p>
      <Link context={context} link={`${site}${context.base}/wallet/pay?${query.toString()}`} label={fill(w.code, { name: a.handle })} />
      <form method="get" action={`${context.base}/wallet/accounts/${a.account}/receive`} noValidate>
        <Field name="amount" label={w.amount} hint={w.amountHint} form={form} errorText={errorText(context)} context={context} width={10} maxLength={30}
          inputMode="numeric" />
        <button type="submit" class="second">{w.show}</button>
      </form>
    </>
  );
}

function receiveView(context: PageContext, outcome: Outcome<ReceiveView>): Rendered {
  const w = wordsOf(context);
  if (!outcome.ok) {
    const text = w.problems['unknown-account'];
    return { title: text, body: <><h1>{text}</h1><Back context={context} to="/wallet" text={w.account.back} /></> };
  }
  const { account: a, site } = outcome.value;
  const at = `/wallet/accounts/${a.account}`;
  const back = <Back context={context} to={at} text={w.account.backToOne} />;
  const why = a.state === 'closed' ? w.close.closed : a.state === 'frozen' ? (a.frozenBy === 'operator' ? w.account.frozenByOffice : w.account.frozenByYou)
    : undefined;
  if (why !== undefined) return { title: w.receive.title, body: <><h1>{w.receive.title}</h1><p class="lead">{why}</p>{back}</> };
  if (a.handle === null) {
    return {
      title: w.receive.title,
      body: (
        <>
          <h1>{w.receive.title}</h1>
          <p class="lead">{w.receive.noName}</p>
          <p class="actions"><a class="button" href={`${context.base}${at}#handle`}>{w.receive.giveName}</a></p>
          {back}
        </>
      ),
    };
  }
  return { title: w.receive.title, body: <><Taking context={context} a={{ ...a, handle: a.handle }} site={site} />{back}</> };
}
export const receivePage = page<ReceiveView>('GET /wallet/accounts/:account/receive', {
  route: receiveRoute, input: ({ params }) => ({ params }), view: receiveView,
});

/** A pay link: the form filled in, from the account that fits; where several do, the payer chooses first. */
function payLinkView(context: PageContext, outcome: Outcome<z.output<typeof zAccounts>>): Rendered {
  const w = wordsOf(context);
  const { currency = '' } = context.query;
  const open = (outcome.ok ? outcome.value.accounts : []).filter((a) => a.state === 'open' && (!isCurrency(currency) || a.currency === currency));
  const [only, ...more] = open;
  if (only && !more.length) return payView(context, only);
  const query = new URLSearchParams(Object.entries(context.query).filter(([name]) => name === 'to' || name === 'amount')).toString();
  return {
    title: w.pay.title,
    body: (
      <>
        <h1>{w.pay.title}</h1>
        <p class="lead">{only ? w.receive.choose : w.receive.noAccount}</p>
        {only ? (
          <ul class="links">
            {open.map((a) => (
              <li><a href={`${context.base}/wallet/accounts/${a.account}/pay?${query}`}>
                {fill(w.receive.from, { name: accountName(w, a.handle ?? a.account, a.currency), amount: inSentence(context, a.available) })}
              </a></li>
            ))}
          </ul>
        ) : <p class="actions"><a class="button" href={`${context.base}/wallet#open`}>{w.accounts.open}</a></p>}
        <Back context={context} to="/wallet" text={w.account.back} />
      </>
    ),
  };
}
export const payLinkPage = page<z.output<typeof zAccounts>>('GET /wallet/pay', { route: accountsRoute, input: () => ({}), view: payLinkView });

/** One request: its code where it is the caller's own and open, its buttons where it is theirs to answer. */
function requestView(context: PageContext, outcome: Outcome<RequestLinkView>): Rendered {
  const w = wordsOf(context);
  const back = <Back context={context} to="/wallet/requests" text={w.receive.allRequests} />;
  if (!outcome.ok) return { title: w.requests.none, body: <><h1>{w.requests.none}</h1>{back}</> };
  const { request: r, site } = outcome.value;
  const who = accountName(w, r.with, r.amount.currency);
  return {
    title: w.requests.one,
    body: (
      <>
        <h1>{w.requests.one}</h1>
        <ul class="cards"><Request context={context} r={r} /></ul>
        {r.mine && r.state === 'open' && (
          <>
            <p>{fill(w.receive.requestLead, { name: who })}</p>
            <Link context={context} link={`${site}${context.base}/wallet/requests/${r.request}`} label={fill(w.receive.requestCode, { name: who })} />
          </>
        )}
        {back}
      </>
    ),
  };
}
export const requestPage = page<RequestLinkView>('GET /wallet/requests/:request', {
  route: requestRoute, input: ({ params }) => ({ params }), view: requestView,
});
