import type { VNode } from 'preact';
import { addDays, civilDateIn, fill, isCivilDate, page, type CivilDate, type Outcome, type PageContext, type Rendered } from '#kernel';
import { Field } from '#kit';
import type { Entry, StatementView } from '../contract.ts';
import { statementRoute } from '../routes.ts';
import { whatText } from './names.tsx';
import { dateText, dayText, errorText, inTable, problemText, timeText, wordsOf } from './parts.tsx';

const monthStart = (day: CivilDate): CivilDate => `${day.slice(0, 8)}01` as CivilDate;
const monthEnd = (day: CivilDate): CivilDate => addDays(monthStart(addDays(monthStart(day), 31)), -1);

interface Period { readonly from: string; readonly to: string }
const asked = (context: PageContext): Period | undefined => (context.query.from === undefined && context.query.to === undefined ? undefined
  : { from: (context.query.from ?? '').trim(), to: (context.query.to ?? '').trim() });

/** What was asked for, where both are days; else the month that runs. */
function periodOf(context: PageContext): Period {
  const today = civilDateIn(context.tenant.zone, context.now);
  const typed = asked(context);
  return typed && isCivilDate(typed.from) && isCivilDate(typed.to) ? typed : { from: monthStart(today), to: today };
}

function Line({ context, e }: { context: PageContext; e: Entry }): VNode {
  const w = wordsOf(context);
  return (
    <tr>
      <td><time dateTime={e.at.toISOString()} title={timeText(context, e.at)}>{dayText(context, e.at)}</time></td>
      <td>{whatText(wordsOf(context), e)}{e.note !== null && <span class="note">{e.note}</span>}</td>
      <td class="amount">{`${e.change.amount > 0n ? '+' : ''}${inTable(context, e.change)}`}</td>
      <td class="amount quiet" data-label={w.statement.balance}>{inTable(context, e.balance)}</td>
    </tr>
  );
}

function Table({ context, s }: { context: PageContext; s: StatementView }): VNode {
  const w = wordsOf(context).statement;
  const edge = (label: string, day: CivilDate, amount: StatementView['opening']): VNode => (
    <tr><td>{dateText(context, day)}</td><th scope="row">{label}</th><td /><td class="amount" data-label={w.balance}>{inTable(context, amount)}</td></tr>
  );
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={w.title}>
      <table class="rows">
        <thead><tr><th scope="col">{w.booked}</th><th scope="col">{w.what}</th><th scope="col" class="amount">{wordsOf(context).account.amount}</th>
          <th scope="col" class="amount">{w.balance}</th></tr></thead>
        <tbody>{edge(w.opening, s.from, s.opening)}{s.entries.map((e) => <Line context={context} e={e} />)}{edge(w.closing, s.to, s.closing)}</tbody>
      </table>
    </div>
  );
}

function Choose({ context, period }: { context: PageContext; period: Period }): VNode {
  const w = wordsOf(context).statement;
  const account = context.params.account ?? '';
  const typed = asked(context);
  const wrong = typed !== undefined && (!isCivilDate(typed.from) || !isCivilDate(typed.to));
  const form = { values: { ...(typed ?? period) }, errors: wrong ? { from: 'period' } : {} };
  const hint = fill(w.dayHint, { example: monthStart(civilDateIn(context.tenant.zone, context.now)) });
  return (
    <form method="get" action={`${context.base}/wallet/accounts/${account}/statement`} noValidate class="no-print">
      <Field name="from" label={w.from} hint={hint} form={form} errorText={errorText(context)} context={context} width={10} maxLength={10} />
      <Field name="to" label={w.to} hint={hint} form={form} errorText={errorText(context)} context={context} width={10} maxLength={10} />
      <button type="submit" class="second">{w.show}</button>
    </form>
  );
}

function Files({ context, at, s }: { context: PageContext; at: string; s: StatementView }): VNode {
  const w = wordsOf(context).statement;
  const query = `?from=${s.from}&to=${s.to}`;
  const kinds = [['pdf', w.pdf], ['csv', w.csv], ['xml', w.camt], ['sta', w.mt940]] as const;
  return <ul class="links no-print">{kinds.map(([ending, label]) => <li><a href={`${at}/statement.${ending}${query}`} download>{label}</a></li>)}</ul>;
}

function Months({ context, at, s }: { context: PageContext; at: string; s: StatementView }): VNode {
  const w = wordsOf(context).statement;
  const link = (day: CivilDate): string => `${at}/statement?from=${monthStart(day)}&to=${monthEnd(day)}`;
  const [before, after] = [addDays(monthStart(s.from), -1), addDays(monthEnd(s.from), 1)];
  return (
    <p class="pages no-print">
      <a href={link(before)}>{w.earlier}</a>{' '}
      {after <= civilDateIn(context.tenant.zone, context.now) && <a href={link(after)}>{w.later}</a>}
    </p>
  );
}

function statementView(context: PageContext, outcome: Outcome<StatementView>): Rendered {
  const w = wordsOf(context).statement;
  const account = context.params.account ?? '';
  const at = `${context.base}/wallet/accounts/${account}`;
  const back = <p class="back no-print"><a href={at}>{wordsOf(context).account.backToOne}</a></p>;
  if (!outcome.ok) {
    const text = problemText(context, { values: {}, errors: {}, problem: outcome.problem, data: outcome.data }, undefined) ?? w.none;
    const again = outcome.problem.status === 404 ? null : <Choose context={context} period={periodOf(context)} />;
    return { title: w.title, body: <><h1>{w.title}</h1><p class="lead" role="alert">{text}</p>{again}{back}</> };
  }
  const s = outcome.value;
  return {
    title: w.title,
    body: (
      <>
        <p class="eyebrow">{`${fill(wordsOf(context).account.title, { currency: s.currency })}${s.handle ? `, ${s.handle}` : ''}`}</p>
        <h1>{w.title}</h1>
        <p class="lead">{fill(w.period, { from: dateText(context, s.from), to: dateText(context, s.to) })}</p>
        {s.holder !== null && <p class="quiet">{s.holder}</p>}
        {s.entries.length === 0 && <p class="quiet">{w.none}</p>}
        <Table context={context} s={s} />
        <Months context={context} at={at} s={s} />
        <h2 class="no-print">{w.take}</h2>
        <Files context={context} at={at} s={s} />
        <h2 class="no-print">{w.again}</h2>
        <Choose context={context} period={{ from: s.from, to: s.to }} />
        <p class="quiet small">{fill(w.made, { at: timeText(context, s.madeAt) })}</p>
        {back}
      </>
    ),
  };
}

export const statementPage = page<StatementView>('GET /wallet/accounts/:account/statement', {
  route: statementRoute, input: (context) => ({ params: context.params, query: periodOf(context) }), view: statementView,
});
