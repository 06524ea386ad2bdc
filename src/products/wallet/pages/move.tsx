import type { VNode } from 'preact';
import { fill, form, isCivilDate, isCurrency, page, typedAmount, type FormState, type Outcome, type PageContext, type Rendered } from '#kernel';
import { Field } from '#kit';
import type { AccountView, OrderView, Paid } from '../contract.ts';
import { accountRoute, askRoute, planRoute, topUpRoute, transferRoute, withdrawRoute } from '../routes.ts';
import { errorText, formPage, inSentence, wordsOf } from './parts.tsx';

/** The pages that move money from or to one account; each is one question. */
type What = 'pay' | 'ask' | 'plan' | 'add' | 'withdraw';
const EXAMPLE = { handle: '@ravi', amount: '250', date: '2026-12-01' };
const payee = /^(?:@?[a-z][a-z0-9_.]{2,29}|wal_[0-9a-f]{32})$/;
const NOTHING: FormState = { values: {}, errors: {} };

function Input({ context, state, name, label, hint, width, numeric }: {
  context: PageContext; state: FormState; name: string; label: string; hint?: string; width: 10 | 20; numeric?: boolean;
}): VNode {
  return <Field name={name} label={label} {...(hint === undefined ? {} : { hint })} form={state} errorText={errorText(context)} context={context} width={width}
    maxLength={140} {...(numeric ? { inputMode: 'numeric' as const } : {})} />;
}

function Fields({ context, what, state }: { context: PageContext; what: What; state: FormState }): VNode {
  const w = wordsOf(context);
  const amount = <Input context={context} state={state} name="amount" label={w.pay.amount} hint={fill(w.pay.amountHint,
    { example: EXAMPLE.amount })} width={10} />;
  if (what === 'add' || what === 'withdraw') {
    return <>{amount}<Input context={context} state={state} name="bank" label={w.bank.number} hint={w.bank.numberHint} width={20} /></>;
  }
  const other = what === 'ask'
    ? <Input context={context} state={state} name="to" label={w.ask.from} hint={fill(w.ask.fromHint, { example: EXAMPLE.handle })} width={20} />
    : <Input context={context} state={state} name="to" label={w.pay.to} hint={fill(w.pay.toHint, { example: EXAMPLE.handle })} width={20} />;
  if (what === 'plan') {
    return (
      <>
        {other}{amount}
        <Input context={context} state={state} name="firstOn" label={w.plan.firstOn} hint={fill(w.plan.firstHint, { example: EXAMPLE.date })} width={10} />
        <div class="field">
          <label for="every">{w.plan.every}</label>
          <select id="every" name="every" class="w10">
            {(['once', 'week', 'month'] as const).map((e) => <option value={e} selected={state.values.every === e}>{w.plan.each[e]}</option>)}
          </select>
        </div>
      </>
    );
  }
  return <>{other}{amount}<Input context={context} state={state} name="note" label={w.pay.note} hint={w.pay.noteHint} width={20} /></>;
}

function view(what: What) {
  return (context: PageContext, a: AccountView | undefined, state: FormState): Rendered => {
    const w = wordsOf(context);
    const currency = a?.currency ?? state.values.currency ?? '';
    const account = a?.account ?? context.params.account ?? '';
    const titles = { pay: w.pay.title, ask: w.ask.title, plan: w.plan.title, add: w.bank.addTitle, withdraw: w.bank.withdrawTitle };
    const goes = { pay: w.pay.go, ask: w.ask.go, plan: w.plan.go, add: w.bank.addGo, withdraw: w.bank.withdrawGo };
    const have = a && fill(w.pay.have, { amount: inSentence(context, a.available) });
    const leads = { pay: have, ask: w.ask.lead, plan: have, add: w.bank.addLead, withdraw: w.bank.withdrawLead };
    return formPage(context, {
      title: titles[what], lead: leads[what], action: `/wallet/accounts/${account}/${what}`, form: state, currency, go: goes[what],
      back: `/wallet/accounts/${account}`, children: <Fields context={context} what={what} state={state} />, ...(what === 'pay' ? { sure: w.pay.sure } : {}),
    });
  };
}

/** A pay link fills in whom and how much; nothing is sent before the payer says so. */
function filledIn({ query }: PageContext): FormState {
  const { to = '', amount = '' } = query;
  return { values: { ...(payee.test(to) ? { to } : {}), ...(/^[\d.,]{1,30}$/.test(amount) ? { amount } : {}) }, errors: {} };
}
export const payView = (context: PageContext, a: AccountView): Rendered => view('pay')(context, a, filledIn(context));

const shown = (what: What) => (context: PageContext, outcome: Outcome<AccountView>): Rendered => {
  if (outcome.ok && outcome.value.state === 'closed') {
    const closed = wordsOf(context).close.closed;
    return { title: closed, body: <><h1>{closed}</h1><p class="back"><a href={`${context.base}/wallet`}>{wordsOf(context).account.back}</a></p></> };
  }
  if (outcome.ok) return view(what)(context, outcome.value, what === 'pay' ? filledIn(context) : NOTHING);
  const text = wordsOf(context).problems['unknown-account'];
  return { title: text, body: <><h1>{text}</h1><p class="back"><a href={`${context.base}/wallet`}>{wordsOf(context).account.back}</a></p></> };
};
const again = (what: What) => (context: PageContext, state: FormState): Rendered => view(what)(context, undefined, state);

/** The typed amount in minor units of the account's currency, or an error beside its field. */
function amountOf(values: Readonly<Record<string, string>>, errors: Record<string, string>): { amount: string; currency: string } {
  const currency = values.currency ?? '';
  const amount = isCurrency(currency) ? typedAmount(values.amount ?? '', currency) : undefined;
  if (amount === undefined) errors.amount = 'amount';
  return { amount: (amount ?? 0n).toString(), currency };
}
const otherOf = (values: Readonly<Record<string, string>>, errors: Record<string, string>): string => {
  const typed = (values.to ?? '').trim().toLowerCase();
  if (/^wal_[0-9a-f]{32}$/.test(typed)) return typed;
  const handle = `@${typed.replace(/^@/, '')}`;
  if (!/^@[a-z][a-z0-9_.]{2,29}$/.test(handle)) errors.to = 'to';
  return handle;
};
const noteOf = (values: Readonly<Record<string, string>>): { note?: string } => (values.note?.trim() ? { note: values.note.trim().slice(0, 140) } : {});
type Read = { input: unknown } | { errors: Record<string, string> };
const read = (errors: Record<string, string>, body: unknown): Read => (Object.keys(errors).length ? { errors } : { input: { body } });

export const payPage = page<AccountView>('GET /wallet/accounts/:account/pay', { route: accountRoute, view: shown('pay') });
export const askPage = page<AccountView>('GET /wallet/accounts/:account/ask', { route: accountRoute, view: shown('ask') });
export const planPage = page<AccountView>('GET /wallet/accounts/:account/plan', { route: accountRoute, view: shown('plan') });
export const addPage = page<AccountView>('GET /wallet/accounts/:account/add', { route: accountRoute, view: shown('add') });
export const withdrawPage = page<AccountView>('GET /wallet/accounts/:account/withdraw', { route: accountRoute, view: shown('withdraw') });

export const payForm = form('POST /wallet/accounts/:account/pay', {
  route: transferRoute,
  fields(values, context): Read {
    const errors: Record<string, string> = {};
    return read(errors, { from: context.params.account, to: otherOf(values, errors), amount: amountOf(values, errors), ...noteOf(values) });
  },
  then: (value: Paid, context) => ({ to: `/wallet/accounts/${context.params.account}?paid=${value.payment}` }),
  again: again('pay'),
});
export const askForm = form('POST /wallet/accounts/:account/ask', {
  route: askRoute,
  fields(values, context): Read {
    const errors: Record<string, string> = {};
    const from = otherOf(values, errors);
    if (!from.startsWith('@')) errors.to = 'to';
    return read(errors, { into: context.params.account, from, amount: amountOf(values, errors), ...noteOf(values) });
  },
  then: () => ({ to: '/wallet/requests' }),
  again: again('ask'),
});
export const planForm = form('POST /wallet/accounts/:account/plan', {
  route: planRoute,
  fields(values, context): Read {
    const errors: Record<string, string> = {};
    const firstOn = (values.firstOn ?? '').trim();
    if (!isCivilDate(firstOn)) errors.firstOn = 'firstOn';
    const every = ['once', 'week', 'month'].includes(values.every ?? '') ? values.every : 'once';
    return read(errors, { from: context.params.account, to: otherOf(values, errors), amount: amountOf(values, errors), firstOn, every });
  },
  then: () => ({ to: '/wallet/schedules' }),
  again: again('plan'),
});
function bankOrder(values: Readonly<Record<string, string>>, context: PageContext): Read {
  const errors: Record<string, string> = {};
  const bank = (values.bank ?? '').replaceAll(/[\s-]/g, '').toUpperCase();
  if (!/^[A-Z0-9]{6,34}$/.test(bank)) errors.bank = 'bank';
  return read(errors, { account: context.params.account, amount: amountOf(values, errors), bank });
}
const toOrder = (value: OrderView): { to: string } => ({ to: `/wallet/orders/${value.order}` });
export const addForm = form('POST /wallet/accounts/:account/add', { route: topUpRoute, fields: bankOrder, then: toOrder, again: again('add') });
export const withdrawForm = form('POST /wallet/accounts/:account/withdraw', { route: withdrawRoute, fields: bankOrder, then: toOrder,
  again: again('withdraw') });

export const movePages = [payPage, askPage, planPage, addPage, withdrawPage];
export const moveForms = [payForm, askForm, planForm, addForm, withdrawForm];
