import { LRUCache } from 'lru-cache';
import { renderToString } from 'preact-render-to-string';
import type { ComponentChildren, VNode } from 'preact';
import { fill, systemRandom, type Language, type PageContext, type Rendered } from '#kernel';
import { kitWords } from './words.ts';

/** The address of this page with one query value changed, up to that value; the rest stays. */
function upTo(context: PageContext, name: string): string {
  const [path = '/', query = ''] = context.path.split('?');
  const params = query && new URLSearchParams(query);
  if (params) params.delete(name);
  const rest = params.toString();
  return `${context.base}${path}?${rest && `${rest}&`}${name}=`;
}

/** Texts of a page that differ with each request; all else of its frame is the same for whoever reads it in the same language. */
interface Own { readonly title: string; readonly trace: string; readonly shortTrace: string; readonly token: string; readonly key: string;
  /** The address of this page with another language or theme, up to its name. */
  readonly lang: string; readonly theme: string }
type OwnName = keyof Own;
const TRACE_SHOWN = 12;
const ownOf = (context: PageContext, title: string): Own => ({
  title, trace: context.trace, shortTrace: context.trace.slice(0, TRACE_SHOWN), token: context.token, key: context.key,
  lang: upTo(context, 'lang'), theme: upTo(context, 'theme'),
});

function Switches({ context, own }: { context: PageContext; own: Pick<Own, 'lang' | 'theme'> }): VNode {
  const w = kitWords(context.language);
  const names = { en: w.english, hi: w.hindi } as Record<string, string>;
  return (
    <div class="switches">
      <nav aria-label={w.language}>
        {context.tenant.languages.length > 1 && context.tenant.languages.map((l) => (l === context.language
          ? <span aria-current="true" lang={l}>{names[l] ?? l}</span>
          : <a href={`${own.lang}${l}`} lang={l} hreflang={l}>{names[l] ?? l}</a>))}
      </nav>
      <nav aria-label={w.appearance}>
        {(['light', 'dark'] as const).map((t) => (t === context.theme
          ? <a href={`${own.theme}auto`} aria-current="true">{w[t]}</a>
          : <a href={`${own.theme}${t}`}>{w[t]}</a>))}
      </nav>
    </div>
  );
}

function SignOut({ context, own }: { context: PageContext; own: Own }): VNode {
  return (
    <form method="post" action={`${context.base}/sign-out`} class="sign-out">
      <Hidden context={own} />
      <button type="submit" class="link">{kitWords(context.language).signOut}</button>
    </form>
  );
}

/** The fields that every form carries: a token bound to the session, and a key that makes a double click one effect. */
export function Hidden({ context }: { context: Pick<PageContext, 'token' | 'key'> }): VNode {
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
            <Switches context={context} own={ownOf(context, title)} />
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

interface Frame { readonly context: PageContext; readonly rendered: Rendered; readonly brandName: string; readonly scripts: readonly string[];
  readonly styles: readonly string[] }

const Head = ({ context, rendered, brandName, scripts, styles, own }: Frame & { own: Own }): VNode => (
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content={context.theme === 'auto' ? 'light dark' : context.theme} />
    <title>{`${own.title} – ${brandName}`}</title>
    <link rel="icon" href="data:," />
    {styles.map((style) => <link rel="stylesheet" href={style} />)}
    {scripts.map((script) => <script type="module" src={script} />)}
    {rendered.refreshSeconds !== undefined && <noscript><meta http-equiv="refresh" content={String(rendered.refreshSeconds)} /></noscript>}
  </head>
);

function Shell({ frame, own, body }: { frame: Frame; own: Own; body: ComponentChildren }): VNode {
  const { context, rendered, brandName } = frame;
  const w = kitWords(context.language);
  if (rendered.bare) {
    return (
      <html lang={context.language} data-theme={context.theme}>
        <Head {...frame} own={own} />
        <body data-base={context.base}>{body}</body>
      </html>
    );
  }
  return (
    <html lang={context.language} data-theme={context.theme}>
      <Head {...frame} own={own} />
      <body data-base={context.base}>
        <a class="skip" href="#answer">{w.skip}</a>
        {context.synthetic && <p class="ribbon" role="note">{w.synthetic}</p>}
        <header class="top">
          <a class="brand" href={`${context.base}/`}><span class="mark" aria-hidden="true" />{brandName}</a>
          <Switches context={context} own={own} />
          {context.signedIn && <a class="notices" href={`${context.base}/notifications`}>{w.notices}</a>}
          {context.signedIn && <SignOut context={context} own={own} />}
        </header>
        <main id="answer" tabIndex={-1} {...(rendered.wide ? { class: 'wide' } : {})}>{body}</main>
        <footer class="foot">
          {context.synthetic && <p>{w.notAffiliated}</p>}
          <p class="quiet" data-trace={own.trace}>{fill(w.trace, { trace: own.shortTrace })}</p>
        </footer>
      </body>
    </html>
  );
}

/** Markup of a part of a page, to be kept and put in again as it is. */
export const markup = (part: VNode): string => renderToString(part);

const WIDE = /[\u0100-\u{10FFFF}]/u;
const ALL_WIDE = new RegExp(WIDE, 'gu');
/**
 * Markup that is kept, in a language of Latin letters, with what is none of them by its number: an engine that needs two bytes for one character takes two for
 * all of a text, and to keep, put together and send such a page costs twice as much.
 */
export function narrow(language: Language, part: string): string {
  if (language !== 'en') return part;
  // What was made of a text with wide characters stays wide, even without any; read anew it does not.
  return Buffer.from(part.replace(ALL_WIDE, (c) => `&#${c.codePointAt(0)};`), 'latin1').toString('latin1');
}

const ENTITIES: Record<string, string> = { '"': '&quot;', '&': '&amp;', '<': '&lt;' };
/** Text as markup, in an element or in an attribute's quotes. */
export function escaped(language: Language, text: string): string {
  const part = text.replace(/["&<]/g, (c) => ENTITIES[c] as string);
  return WIDE.test(part) ? narrow(language, part) : part;
}

/** Stands where one of a request's own texts, or the body, goes: with a number that nobody who writes a text can know. */
const NONCE = systemRandom.bytes(16).toString('hex');
const markOf = (name: OwnName | 'body'): string => `[${NONCE}:${name}]`;
const MARK = new RegExp(`\\[${NONCE}:(\\w+)\\]`);
const MARKS: Own = { title: markOf('title'), trace: markOf('trace'), shortTrace: markOf('shortTrace'), token: markOf('token'), key: markOf('key'),
  lang: markOf('lang'), theme: markOf('theme') };

/** Frames by all that they are made of, each as the text between its marks and the marks' names, in turn: to draw one anew costs as much as its page. */
const FRAMES_KEPT_MAX = 1000;
const frames = new LRUCache<string, readonly string[]>({ max: FRAMES_KEPT_MAX });

function frameOf(context: PageContext, rendered: Rendered): readonly string[] {
  const frame: Frame = {
    context, rendered, brandName: context.brand[`name_${context.language}`] ?? context.tenant.name,
    styles: [context.asset('kit.css'), ...(rendered.styles ?? []).map((style) => context.asset(style)), `${context.base}/brand.css`],
    scripts: [...(rendered.islands ?? []), ...(context.signedIn && !rendered.bare ? ['notices-badge'] : [])].map((name) => context.asset(`${name}.js`)),
  };
  const { language, theme, base, synthetic, signedIn, tenant } = context;
  const name = JSON.stringify([frame.brandName, frame.styles, frame.scripts, language, theme, base, synthetic, signedIn, tenant.languages,
    rendered.bare, rendered.wide, rendered.refreshSeconds]);
  let kept = frames.get(name);
  if (!kept) {
    kept = `<!doctype html>${renderToString(<Shell frame={frame} own={MARKS} body={markOf('body')} />)}`.split(MARK).map((part) => narrow(language, part));
    frames.set(name, kept);
  }
  return kept;
}

/** A whole document around what a view returned. */
export function document(context: PageContext, rendered: Rendered): string {
  const own = ownOf(context, rendered.title);
  const body = renderToString(<>{rendered.body as ComponentChildren}</>);
  let whole = '';
  frameOf(context, rendered).forEach((part, i) => {
    whole += i % 2 === 0 ? part : part === 'body' ? body : escaped(context.language, own[part as OwnName]);
  });
  return whole;
}
