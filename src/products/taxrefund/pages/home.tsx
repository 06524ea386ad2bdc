import { done, page, type PageContext, type Rendered } from '#kernel';
import { wordsOf } from './parts.tsx';

function homeView(context: PageContext): Rendered {
  const w = wordsOf(context);
  const to = context.signedIn ? '/tax-refunds' : '/sign-in';
  return {
    title: w.office.name,
    body: (
      <>
        <h1>{w.signIn.pageTitle}</h1>
        <p class="lead">{w.signIn.intro}</p>
        <p class="actions"><a class="button" href={`${context.base}${to}`}>{context.signedIn ? w.list.title : w.signIn.title}</a></p>
        <p class="quiet">{w.signIn.safety}</p>
      </>
    ),
  };
}

export const homePage = page('GET /', { scope: 'public', view: homeView, states: () => ({ ready: { outcome: done(null) } }) });
