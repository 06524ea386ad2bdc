import { fill, type PageContext, type Rendered } from '#kernel';
import { Facts } from '#kit';
import { codeOf, type DeskPerson } from './people.ts';
import { en } from './words/en.ts';
import { hi } from './words/hi.ts';

const REFRESH_SECONDS = 10;

/** Who works in the demo, and what their authenticators show. */
export function deskView(context: PageContext, people: readonly DeskPerson[]): Rendered {
  const w = context.language === 'hi' ? hi : en;
  return {
    title: w.title, refreshSeconds: REFRESH_SECONDS,
    body: (
      <>
        <h1>{w.title}</h1>
        <p class="lead">{people.length ? w.lead : w.none}</p>
        {people.map((p) => (
          <section class="card">
            <h2 class="flat"><a href={`/t/${p.slug}/operator/sign-in`}>{fill(w.open, { tenant: p.tenant })}</a></h2>
            <Facts rows={[
              { label: w.name, value: p.name }, { label: w.password, value: p.password },
              { label: w.code, value: fill(w.left, { ...codeOf(p, context.now) }) },
            ]} />
          </section>
        ))}
      </>
    ),
  };
}
