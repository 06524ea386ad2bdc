import { done, page, type AnyPage, type PageContext, type Rendered } from '#kernel';
import { kitWords } from '#kit';
import { CONSOLE } from './contract.ts';
import { en } from './words/en.ts';
import { hi } from './words/hi.ts';

/** The frame that the application fills. */
function view(context: PageContext): Rendered {
  const w = context.language === 'hi' ? hi : en;
  return {
    title: w.title, bare: true, islands: ['console'], styles: ['console.css'],
    body: (
      <>
        {context.synthetic && <p class="ribbon" role="note">{kitWords(context.language).synthetic}</p>}
        <div id="console" data-zone={context.tenant.zone}><noscript><main><h1>{w.title}</h1><p class="lead">{w.script}</p>
          <p><a href={`${context.base}${CONSOLE}/machines`}>{w.machines}</a></p></main></noscript></div>
      </>
    ),
  };
}

const states = (): { ready: { outcome: ReturnType<typeof done<null>> } } => ({ ready: { outcome: done(null) } });
const at = (path: string): AnyPage => page(`GET ${path}` as 'GET /', { scope: 'operator', view, states });
export const pages = [at(CONSOLE), at(`${CONSOLE}/*`)];
