import type { VNode } from 'preact';
import { form, formatInstant, localeOf, page, type Outcome, type PageContext, type Rendered } from '#kernel';
import { Badge, Hidden } from '#kit';
import type { Inbox } from '../contract.ts';
import { inboxRoute, seeRoute } from '../routes.ts';
import { en, type Words } from '../words/en.ts';
import { hi } from '../words/hi.ts';

export const wordsOf = (context: PageContext): Words => (context.language === 'hi' ? hi : en);

function Item({ context, n }: { context: PageContext; n: Inbox['notices'][number] }): VNode {
  const w = wordsOf(context).inbox;
  return (
    <li class="card">
      <p class="what"><strong>{n.title}</strong></p>
      {n.body && <p>{n.body}</p>}
      <p class="state">
        {!n.seen && <><Badge meaning="needs-you">{w.unseen}</Badge>{' '}</>}
        <span class="quiet">{formatInstant(n.at, localeOf(context.language), context.tenant.zone)}</span>
      </p>
      {n.link && <p><a href={`${context.base}${n.link}`} aria-label={`${w.more}: ${n.title}`}>{w.more}</a></p>}
    </li>
  );
}

function inboxView(context: PageContext, outcome: Outcome<Inbox> | undefined): Rendered {
  const w = wordsOf(context).inbox;
  const list = outcome?.ok ? outcome.value : { notices: [], unseen: 0, next: null };
  return {
    title: w.title, islands: ['notices-live'],
    body: (
      <div class="live" data-changes={`${context.base}/notifications/changes`}>
        <h1>{w.title}</h1>
        <p class="lead">{list.notices.length ? w.lead : w.empty}</p>
        {list.unseen > 0 && (
          <form method="post" action={`${context.base}/notifications/seen`} class="spaced">
            <Hidden context={context} />
            <button type="submit" class="second">{w.seen}</button>
          </form>
        )}
        <ul class="cards">{list.notices.map((n) => <Item context={context} n={n} />)}</ul>
        {list.next && <p><a href={`${context.base}/notifications?cursor=${list.next}`} rel="next">{w.older}</a></p>}
        {context.query.cursor && <p><a href={`${context.base}/notifications`}>{w.newest}</a></p>}
        <p class="back"><a href={`${context.base}/notifications/preferences`}>{w.settings}</a></p>
        <p class="back"><a href={`${context.base}/`}>{w.back}</a></p>
      </div>
    ),
  };
}

export const inboxPage = page<Inbox>('GET /notifications', {
  route: inboxRoute, input: (context) => ({ query: { language: context.language, ...(context.query.cursor ? { cursor: context.query.cursor } : {}) } }),
    view: inboxView,
});
export const seenForm = form('POST /notifications/seen', {
  route: seeRoute, fields: () => ({ input: { body: {} } }), then: () => ({ to: '/notifications' }), again: (context) => inboxView(context, undefined),
});
