import { renderToString } from 'preact-render-to-string';
import type { ComponentChildren, VNode } from 'preact';
import { fill, type PageContext, type Rendered } from '#kernel';
import { kitWords } from './words.ts';

/** The address of this page with one query value changed; the rest stays. */
export function withQuery(context: PageContext, name: string, value: string): string {
  const [path = '/', query = ''] = context.path.split('?');
  const params = new URLSearchParams(query);
  params.set(name, value);
  return `${context.base}${path}?${params.toString()}`;
}

function Switches({ context }: { context: PageContext }): VNode {
  const w = kitWords(context.language);
  const names = { en: w.english, hi: w.hindi } as Record<string, string>;
  return (
    <div class="switches">
      <nav aria-label={w.language}>
        {context.tenant.languages.length > 1 && context.tenant.languages.map((l) => (l === context.language
          ? <span aria-current="true" lang={l}>{names[l] ?? l}</span>
          : <a href={withQuery(context, 'lang', l)} lang={l} hreflang={l}>{names[l] ?? l}</a>))}
      </nav>
      <nav aria-label={w.appearance}>
        {(['light', 'dark'] as const).map((t) => (t === context.theme
          ? <a href={withQuery(context, 'theme', 'auto')} aria-current="true">{w[t]}</a>
          : <a href={withQuery(context, 'theme', t)}>{w[t]}</a>))}
      </nav>
    </div>
  );
}

function SignOut({ context }: { context: PageContext }): VNode {
  return (
    <form method="post" action={`${context.base}/sign-out`} class="sign-out">
      <Hidden context={context} />
      <button type="submit" class="link">{kitWords(context.language).signOut}</button>
    </form>
  );
}

/** The fields that every form carries: a token bound to the session, and a key that makes a double click one effect. */
export function Hidden({ context }: { context: PageContext }): VNode {
  return (
    <>
      <input type="hidden" name="_token" value={context.token} />
      <input type="hidden" name="_key" value={context.key} />
    </>
  );
}

/** A room of the console that the server draws: its frame and styles without its script, so that it works where none runs. */
export function room(context: PageContext, { title, body }: Pick<Rendered, 'title' | 'body'>): Rendered {
  const w = kitWords(context.language);
  return {
    title, bare: true, styles: ['console.css'],
    body: (
      <>
        {context.synthetic && <p class="ribbon" role="note">{w.synthetic}</p>}
        <div id="console" data-zone={context.tenant.zone}>
          <a class="skip" href="#room">{w.skipRoom}</a>
          <header class="bar">
            <a class="brand" href={`${context.base}/console`}><span class="mark" aria-hidden="true" />{context.tenant.name}</a>
            <Switches context={context} />
            <form method="post" action={`${context.base}/operator/sign-out`} class="me">
              <Hidden context={context} />
              <button type="submit" class="link">{w.signOut}</button>
            </form>
          </header>
          <main id="room" tabIndex={-1}>{body as ComponentChildren}</main>
        </div>
      </>
    ),
  };
}

const Head = ({ context, rendered, brandName }: { context: PageContext; rendered: Rendered; brandName: string }): VNode => (
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content={context.theme === 'auto' ? 'light dark' : context.theme} />
    <title>{`${rendered.title} – ${brandName}`}</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href={context.asset('kit.css')} />
    {(rendered.styles ?? []).map((style) => <link rel="stylesheet" href={context.asset(style)} />)}
    <link rel="stylesheet" href={`${context.base}/brand.css`} />
    {[...(rendered.islands ?? []), ...(context.signedIn && !rendered.bare ? ['notices-badge'] : [])].map((island) => <script type="module"
      src={context.asset(`${island}.js`)} />)}
    {rendered.refreshSeconds !== undefined && <noscript><meta http-equiv="refresh" content={String(rendered.refreshSeconds)} /></noscript>}
  </head>
);

function Shell({ context, rendered }: { context: PageContext; rendered: Rendered }): VNode {
  const w = kitWords(context.language);
  const brandName = context.brand[`name_${context.language}`] ?? context.tenant.name;
  if (rendered.bare) {
    return (
      <html lang={context.language} data-theme={context.theme}>
        <Head context={context} rendered={rendered} brandName={brandName} />
        <body data-base={context.base}>{rendered.body as ComponentChildren}</body>
      </html>
    );
  }
  return (
    <html lang={context.language} data-theme={context.theme}>
      <Head context={context} rendered={rendered} brandName={brandName} />
      <body data-base={context.base}>
        <a class="skip" href="#answer">{w.skip}</a>
        {context.synthetic && <p class="ribbon" role="note">{w.synthetic}</p>}
        <header class="top">
          <a class="brand" href={`${context.base}/`}><span class="mark" aria-hidden="true" />{brandName}</a>
          <Switches context={context} />
          {context.signedIn && <a class="notices" href={`${context.base}/notifications`}>{w.notices}</a>}
          {context.signedIn && <SignOut context={context} />}
        </header>
        <main id="answer" tabIndex={-1} {...(rendered.wide ? { class: 'wide' } : {})}>{rendered.body as ComponentChildren}</main>
        <footer class="foot">
          {context.synthetic && <p>{w.notAffiliated}</p>}
          <p class="quiet" data-trace={context.trace}>{fill(w.trace, { trace: context.trace.slice(0, 12) })}</p>
        </footer>
      </body>
    </html>
  );
}

/** A whole document around what a view returned. */
export const document = (context: PageContext, rendered: Rendered): string =>
  `<!doctype html>${renderToString(<Shell context={context} rendered={rendered} />)}`;

/** Markup of a part of a page, to be kept and put in again as it is. */
export const markup = (part: VNode): string => renderToString(part);
