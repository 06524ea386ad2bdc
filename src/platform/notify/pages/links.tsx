import { fill, form, page, type FormState, type PageContext, type PageState, type Rendered } from '#kernel';
import { linkOver } from '../contract.ts';
import { Hidden, Notice } from '#kit';
import { confirmRoute, unsubscribeRoute } from '../routes.ts';
import { wordsOf } from './inbox.tsx';

/** A link in a mail only asks: what mail scanners open for people must change nothing. */
interface Asking { readonly title: string; readonly ask: string; readonly go: string; readonly done: string; readonly over: string }

function asking(context: PageContext, w: Asking, action: string, state: FormState): Rendered {
  const said = context.query.done;
  const back = <p class="back"><a href={`${context.base}/notifications`}>{wordsOf(context).confirmPage.toNotices}</a></p>;
  if (said !== undefined) return { title: w.title, body: <><h1>{w.title}</h1><Notice meaning="done" title={fill(w.done, { kind: said })} />{back}</> };
  if (state.problem) return { title: w.title, body: <><h1>{w.title}</h1><Notice meaning="failed" title={w.over} />{back}</> };
  return {
    title: w.title,
    body: (
      <>
        <h1>{w.title}</h1>
        <p class="lead">{w.ask}</p>
        <form method="post" action={`${context.base}${action}`}>
          <Hidden context={context} />
          <div class="actions"><button type="submit" class="main">{w.go}</button></div>
        </form>
        {back}
      </>
    ),
  };
}
const nothing: FormState = { values: {}, errors: {} };
const fine = { ok: true, value: {} } as const;
const states = (): Record<string, PageState<object>> => ({
  ready: { outcome: fine }, done: { outcome: fine, query: { done: 'Announcements' } },
    error: { outcome: fine, form: { values: {}, errors: {}, problem: linkOver } },
});

const unsubscribeView = (context: PageContext, state: FormState): Rendered =>
  asking(context, wordsOf(context).unsubscribe, `/notifications/unsubscribe/${context.params.token ?? ''}`, state);
export const unsubscribePage = page<object>('GET /notifications/unsubscribe/:token',
  { scope: 'public', view: (context, _outcome, state) => unsubscribeView(context, state ?? nothing), states });
export const unsubscribeForm = form<object, { label: string }>('POST /notifications/unsubscribe/:token', {
  route: unsubscribeRoute, fields: (_values, context) => ({ input: { params: { token: context.params.token ?? '' } } }),
  then: (value, context) => ({ to: `/notifications/unsubscribe/${context.params.token ?? ''}?done=${encodeURIComponent(value.label)}` }),
    again: unsubscribeView,
});

const confirmView = (context: PageContext, state: FormState): Rendered =>
  asking(context, wordsOf(context).confirmPage, `/notifications/confirm/${context.params.token ?? ''}`, state);
export const confirmPage = page<object>('GET /notifications/confirm/:token',
  { scope: 'public', view: (context, _outcome, state) => confirmView(context, state ?? nothing), states });
export const confirmForm = form('POST /notifications/confirm/:token', {
  route: confirmRoute, fields: (_values, context) => ({ input: { params: { token: context.params.token ?? '' } } }),
  then: (_value, context) => ({ to: `/notifications/confirm/${context.params.token ?? ''}?done` }), again: confirmView,
});
