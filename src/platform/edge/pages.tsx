import { fill, type PageContext, type Refused, type Rendered } from '#kernel';
import { kitWords } from '#kit';

const TITLES: Record<number, 'notFound' | 'unavailable' | 'tooMany' | 'signedOut'> =
  { 404: 'notFound', 410: 'notFound', 503: 'unavailable', 429: 'tooMany', 401: 'signedOut' };

/** What a person sees when an address refuses: what happened, what was kept, what to do. */
export function problemPage(context: PageContext, refused: Refused): Rendered {
  const w = kitWords(context.language).problems;
  const { status, code } = refused.problem;
  const seconds = typeof refused.data.retryAfterSeconds === 'number' ? refused.data.retryAfterSeconds : 5;
  const body =
    code === 'cross-site'
      ? w.body.crossSite
      : code === 'outcome-unknown'
        ? w.body.unknown
        : status === 403
          ? w.body.forbidden
          : status >= 500 && status !== 503
            ? w.body.internal
            : status === 503
              ? fill(w.body.unavailable, { seconds })
              : status === 429
                ? fill(w.body.tooMany, { seconds })
                : status === 404
                  ? w.body.notFound
                  : w.body.other;
  const title = w.title[TITLES[status] ?? 'other'];
  return {
    title,
    body: (
      <>
        <h1>{title}</h1>
        <p class="lead">{body}</p>
        <p><a href={`${context.base}/`}>{w.back}</a></p>
      </>
    ),
  };
}
