import type { Clock } from '#kernel';
import { parseCookies } from '#platform/edge';
import type { Sim } from '../sims.ts';
import { codeIn, newestText, outbox, type Text } from './outbox.ts';
import type { TourPerson } from './people.ts';

const CODE_WAIT_MS = 8000;
const CODE_POLL_MS = 100;

/** What stands for the visitor's browser when it has no script: it follows the same pages and forms, with the visitor's own cookies. */
interface Jar { readonly cookies: Map<string, string>; readonly set: string[] }

interface Visit { readonly status: number; readonly to: string; readonly html: string }

async function visit(jar: Jar, o: { base: string; trace: string }, path: string, fields?: Record<string, string>): Promise<Visit> {
  const answer = await fetch(`${o.base}${path}`, {
    redirect: 'manual', method: fields ? 'POST' : 'GET', ...(fields ? { body: new URLSearchParams(fields) } : {}),
    headers: {
      accept: 'text/html', cookie: [...jar.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        traceparent: `00-${o.trace}-${o.trace.slice(0, 16)}-01`,
      ...(fields ? { origin: o.base, 'sec-fetch-site': 'same-origin' } : {}),
    },
  });
  for (const line of answer.headers.getSetCookie()) {
    const [name = '', value = ''] = (line.split(';')[0] as string).split('=');
    if (value) jar.cookies.set(name, value);
    else jar.cookies.delete(name);
    jar.set.push(line);
  }
  return { status: answer.status, to: answer.headers.get('location') ?? '', html: await answer.text() };
}

const hidden = (html: string, action: string): Record<string, string> => {
  const form = html.slice(html.indexOf(`action="${action}"`));
  return Object.fromEntries(['_token', '_key', 'c', 'then'].flatMap((name) => {
    const found = new RegExp(`name="${name}" value="([^"]*)"`).exec(form.slice(0, form.indexOf('</form>')));
    return found ? [[name, found[1] as string]] : [];
  }));
};

const newestOf = async (o: { phones: readonly Sim[]; person: TourPerson; clock: Clock }): Promise<Text | undefined> =>
  newestText((await outbox(o.phones)).filter((t) => codeIn(t.text) !== undefined), [o.person.phone], o.clock.now());

/** Signs a person in through the real pages. Resolves to the cookies to hand on, or to undefined when a page said no. */
export async function signInByForms(o: {
  base: string; slug: string; trace: string; cookie: string; person: TourPerson; phones: readonly Sim[]; clock: Clock;
}): Promise<readonly string[] | undefined> {
  const { person } = o;
  const jar: Jar = { cookies: new Map(Object.entries(parseCookies(o.cookie, false))), set: [] };
  const root = `/t/${o.slug}`;
  // The newest to this very phone: an earlier code of hers would be typed in when the new one is a moment late.
  const seen = (await newestOf(o))?.id;
  const first = await visit(jar, o, `${root}/sign-in`);
  const sent = await visit(jar, o, `${root}/sign-in`, {
    ...hidden(first.html, `${root}/sign-in`), identifier: person.identifier, day: person.day, month: person.month, birthYear: person.birthYear,
      year: String(person.year),
  });
  if (sent.status !== 303) return undefined;
  const until = o.clock.monotonicMs() + CODE_WAIT_MS;
  let code: string | undefined;
  while (!code && o.clock.monotonicMs() < until) {
    await o.clock.sleep(CODE_POLL_MS);
    const text = await newestOf(o);
    if (text && text.id !== seen) code = codeIn(text.text);
  }
  if (!code) return undefined;
  const second = await visit(jar, o, sent.to);
  const entered = await visit(jar, o, `${root}/sign-in/code`, { ...hidden(second.html, `${root}/sign-in/code`), code });
  return entered.status === 303 ? jar.set : undefined;
}
