import type { VNode } from 'preact';
import {
  civilDateIn, fill, formatDate, formatInstant, formatMoney, isCurrency, localeOf, money, type CivilDate, type FormState, type Money, type PageContext,
    type Rendered,
} from '#kernel';
import { ErrorSummary, Hidden } from '#kit';
import { en, type Words } from '../words/en.ts';
import { hi } from '../words/hi.ts';

export const wordsOf = (context: Pick<PageContext, 'language'>): Words => (context.language === 'hi' ? hi : en);
export const locale = (context: Pick<PageContext, 'language' | 'tenant'>): string =>
  (context.language === 'en' && context.tenant.country === 'US' ? 'en-US' : localeOf(context.language));
export const inTable = (context: PageContext, m: Money): string => formatMoney(m, locale(context));
export const inSentence = (context: PageContext, m: Money): string => formatMoney(m, locale(context), 'sentence');
export const dateText = (context: PageContext, date: CivilDate): string => formatDate(date, locale(context));
export const dayText = (context: PageContext, at: Date): string => dateText(context, civilDateIn(context.tenant.zone, at));
export const timeText = (context: PageContext, at: Date): string => formatInstant(at, locale(context), context.tenant.zone);

const said = (table: unknown, key: string, fallback: string): string => {
  const text = (table as Record<string, unknown>)[key];
  return typeof text === 'string' ? text : fallback;
};

export const errorText = (context: PageContext) => (key: string): string => said(wordsOf(context).errors, key, key);

/** The sentence for a refused form: what happened and that nothing was sent. */
export function problemText(context: PageContext, form: FormState, currency: string | undefined): string | undefined {
  const code = form.problem?.code;
  if (code === undefined) return undefined;
  const w = wordsOf(context).problems;
  if (code === 'limit-reached') {
    const left = isCurrency(currency ?? '') && typeof form.data?.left === 'string'
      ? inSentence(context, money(BigInt(form.data.left), currency as Money['currency'])) : '';
    return fill(said(w, `limit-${String(form.data?.limit)}`, w.other), { left });
  }
  return said(w, code, w.other);
}

/** A page with one form about one account. */
export function formPage(context: PageContext, o: {
  title: string; lead?: string | undefined; action: string; form: FormState; currency: string; go: string; back: string; children: VNode; sure?: string;
}): Rendered {
  const problem = problemText(context, o.form, o.currency);
  return {
    title: o.title,
    body: (
      <>
        <ErrorSummary form={o.form} errorText={errorText(context)} context={context}>{problem && <p>{problem}</p>}</ErrorSummary>
        <h1>{o.title}</h1>
        {o.lead && <p class="lead">{o.lead}</p>}
        <form method="post" action={`${context.base}${o.action}`} noValidate>
          <Hidden context={context} />
          <input type="hidden" name="currency" value={o.currency} />
          {o.children}
          {o.sure && <p class="hint">{o.sure}</p>}
          <div class="actions"><button type="submit" class="main">{o.go}</button></div>
        </form>
        <p class="back"><a href={`${context.base}${o.back}`}>{wordsOf(context).account.backToOne}</a></p>
      </>
    ),
  };
}

/** A form of one button. */
export function ButtonForm({ context, action, label, kind, fields }: { context: PageContext; action: string; label: string; kind: 'main' | 'second' | 'link';
  fields?: Readonly<Record<string, string>> }): VNode {
  return (
    <form method="post" action={`${context.base}${action}`} class="inline">
      <Hidden context={context} />
      {Object.entries(fields ?? {}).map(([name, value]) => <input type="hidden" name={name} value={value} />)}
      <button type="submit" class={kind}>{label}</button>
    </form>
  );
}
