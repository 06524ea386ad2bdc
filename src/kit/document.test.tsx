import { expect, it } from 'vitest';
import type { PageContext, Rendered } from '#kernel';
import { document, Hidden, narrow } from './document.tsx';

const context = (o: Partial<PageContext> = {}): PageContext => ({
  tenant: { id: 't', slug: 'in', name: 'Office', languages: ['en', 'hi'], zone: 'Asia/Kolkata' } as unknown as PageContext['tenant'], brand: {}, language: 'en',
  theme: 'auto', signedIn: true, path: '/a', base: '/t/in', asset: (name) => `/assets/${name}`, token: 'token-1', key: 'key-1', now: new Date(0),
  synthetic: false, trace: '0123456789abcdef', params: {}, query: {}, ...o,
});
const page = (title: string, more: Partial<Rendered> = {}): Rendered => ({ title, body: <p>{title}</p>, ...more });
const links = (html: string): string[] => [...html.matchAll(/href="([^"]*(?:lang|theme)=[^"]*)"/g)].map((m) => m[1] as string);

it('what was drawn for one request is not told to the next', () => {
  const first = document(context(), { ...page('First'), body: <form><Hidden context={context()} /></form> });
  const second = document(context({ token: 'token-2', key: 'key-2', trace: 'fedcba9876543210', path: '/b' }), page('Second'));
  expect(first.match(/token-1/g)).toHaveLength(2);
  expect(first.match(/key-1/g)).toHaveLength(2);
  expect(first).toContain('<title>First &#8211; Office</title>');
  expect(second).toContain('<title>Second &#8211; Office</title>');
  expect(second).toContain('<p>Second</p>');
  for (const theirs of ['First', 'token-1', 'key-1', '0123', '/t/in/a']) expect(second).not.toContain(theirs);
  expect(second).toContain('data-trace="fedcba9876543210"');
  expect(second).toContain('fedcba987654<');
});

it('each language, theme, brand and office has a frame of its own', () => {
  const all = [
    context(), context({ language: 'hi' }), context({ theme: 'dark' }), context({ signedIn: false }), context({ synthetic: true }), context({ base: '' }),
    context({ brand: { name_en: 'Bank' } }), context({ asset: (name) => `/new/${name}` }),
    context({ tenant: { ...context().tenant, name: 'Other' } }), context({ tenant: { ...context().tenant, languages: ['en'] } }),
  ].map((c) => document(c, page('One')));
  const shapes = [{ wide: true }, { bare: true }, { refreshSeconds: 9 }, { islands: ['i'] }, { styles: ['s.css'] }]
    .map((more) => document(context(), page('One', more)));
  expect(new Set([...all, ...shapes]).size).toBe(all.length + shapes.length);
  expect(document(context(), page('One'))).toBe(all[0]);
});

it('text of a request is text, whatever stands in it', () => {
  const bad = '"><script>alert(1)</script>';
  const html = document(context({ trace: bad, token: bad, key: bad, path: `/x/${bad}?q=${bad}` }), page(`</title>${bad}`));
  expect(html).not.toContain('<script>alert');
  expect(html.match(/<\/title>/g)).toHaveLength(1);
  // A mark that somebody writes is no mark: theirs have a number that is made anew in each process.
  expect(document(context(), page('[0123456789abcdef0123456789abcdef:token]'))).toContain('<p>[0123456789abcdef0123456789abcdef:token]</p>');
  expect(document(context(), page('$& $1'))).toContain('<title>$&amp; $1 &#8211; Office</title>');
});

it('another language or theme keeps the rest of the address', () => {
  expect(links(document(context({ path: '/a?q=1&lang=en&theme=dark', theme: 'dark' }), page('T')))).toEqual([
    '/t/in/a?q=1&amp;theme=dark&amp;lang=hi', '/t/in/a?q=1&amp;lang=en&amp;theme=light', '/t/in/a?q=1&amp;lang=en&amp;theme=auto',
  ]);
  expect(links(document(context(), page('T')))).toEqual(['/t/in/a?lang=hi', '/t/in/a?theme=light', '/t/in/a?theme=dark']);
});

it('what is kept of an English page is held in one byte a character, and says the same', () => {
  const said = 'Refund of ₹18,450 – “paid” 😀 naïve';
  const html = document(context(), { title: said, body: <p>Paid</p> });
  expect(html).not.toMatch(/[\u0100-\uFFFF]/);
  const read = (text: string): string => text.replace(/&#(\d+);/g, (_, n: string) => String.fromCodePoint(Number(n)));
  expect(read(html)).toContain(`<title>${said} – Office</title>`);
  expect(read(html)).toContain('हिन्दी');
  expect(read(narrow('en', said))).toBe(said);
  expect(narrow('hi', 'धनवापसी – ₹18,450')).toBe('धनवापसी – ₹18,450');
  expect(document(context({ language: 'hi' }), page('धनवापसी'))).toContain('<title>धनवापसी – Office</title>');
});
