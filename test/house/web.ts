import { request as httpRequest } from 'node:http';
import type { FastifyInstance } from 'fastify';

export interface Ask {
  /** Slug of the tenant whose host is asked; `india` unless said. */
  readonly tenant?: string;
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: Readonly<Record<string, string>>;
  readonly bearer?: string;
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  readonly ndjson?: string;
  /** Body as it is; name its content type in `headers`. */
  readonly body?: string | Buffer;
  readonly idempotencyKey?: string;
  /** Address of the caller; ignored over real HTTP. */
  readonly address?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly bytes: Buffer;
  /** Cookies set by this answer; null for one that was taken away. */
  readonly cookies: Readonly<Record<string, string | null>>;
  json<T = Record<string, unknown>>(): T;
}

function cookiesSet(header: string | string[] | undefined): Record<string, string | null> {
  return Object.fromEntries([header ?? []].flat().map((line) => {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const at = pair.indexOf('=');
    return [pair.slice(0, at), attributes.includes('Max-Age=0') ? null : pair.slice(at + 1)];
  }));
}

const answerOf = (status: number, headers: Answer['headers'], bytes: Buffer, text = bytes.toString('utf8')): Answer =>
  ({ status, headers, text, bytes, cookies: cookiesSet(headers['set-cookie']), json: () => JSON.parse(text) as never });

function wire(ask: Ask): { method: string; headers: Record<string, string>; body: string | Buffer | undefined } {
  const cookies = Object.entries(ask.cookies ?? {}).map(([name, value]) => `${name}=${value}`).join('; ');
  const body = ask.json !== undefined ? JSON.stringify(ask.json) : ask.form ? new URLSearchParams(ask.form).toString() : ask.ndjson ?? ask.body;
  const type = ask.json !== undefined ? 'application/json' : ask.form ? 'application/x-www-form-urlencoded' : ask.ndjson === undefined ? undefined : 'application/x-ndjson';
  const method = ask.method ?? (body === undefined ? 'GET' : 'POST');
  return {
    method, body,
    headers: {
      host: `${ask.tenant ?? 'india'}.localhost`, ...(type ? { 'content-type': type } : {}), ...(cookies ? { cookie: cookies } : {}),
      ...(ask.bearer === undefined ? {} : { authorization: `Bearer ${ask.bearer}` }), ...(ask.idempotencyKey === undefined ? {} : { 'idempotency-key': ask.idempotencyKey }),
      // What a browser says of a form on one of our own pages.
      ...(ask.form ? { 'sec-fetch-site': 'same-origin' } : {}),
      ...Object.fromEntries(Object.entries(ask.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])),
    },
  };
}

/** Asks the server in this process, without a socket. */
export async function injected(app: FastifyInstance, ask: Ask): Promise<Answer> {
  const { method, headers, body } = wire(ask);
  const answer = await app.inject({
    method: method as 'GET', url: ask.path, headers, ...(body === undefined ? {} : { payload: body }), ...(ask.address === undefined ? {} : { remoteAddress: ask.address }),
  });
  return answerOf(answer.statusCode, answer.headers as Answer['headers'], answer.rawPayload);
}

/** Asks over a real connection of its own. */
export function overHttp(port: number, ask: Ask): Promise<Answer> {
  const { method, headers, body } = wire(ask);
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path: ask.path, headers, agent: false }, (res) => {
      const parts: Buffer[] = [];
      res.on('data', (part: Buffer) => parts.push(part)).once('error', reject)
        .once('end', () => resolve(answerOf(res.statusCode ?? 0, res.headers, Buffer.concat(parts))));
    });
    request.once('error', reject);
    request.end(body);
  });
}

export interface Page extends Answer { readonly path: string }

/** A browser on a tenant's pages: keeps cookies, follows redirects, fills a form with its hidden fields. */
export interface Browser {
  readonly cookies: Record<string, string>;
  open(path: string, headers?: Readonly<Record<string, string>>): Promise<Page>;
  /** Submits the form with this action on the page that was opened last. */
  submit(action: string, fields?: Readonly<Record<string, string>>): Promise<Page>;
  /** The hidden fields of the form with this action. */
  hidden(action: string): Record<string, string>;
}

const unescape = (text: string): string => text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&#39;', "'").replaceAll('&amp;', '&');
/** Letters that a page names by their number (`src/kit/document.tsx`), as a browser reads them; what could be markup stays as it is. */
const read = (html: string): string => html.replace(/&#(\d{3,});/g, (as, n: string) => (Number(n) > 255 ? String.fromCodePoint(Number(n)) : as));
const REDIRECTS_MAX = 10;

export function makeBrowser(send: (ask: Ask) => Promise<Answer>, tenant: string, address: string): Browser {
  const cookies: Record<string, string> = {};
  let shown = '';
  const take = (answer: Answer): void => {
    for (const [name, value] of Object.entries(answer.cookies)) {
      if (value === null) delete cookies[name];
      else cookies[name] = value;
    }
  };
  const hidden = (action: string): Record<string, string> => {
    const form = [...shown.matchAll(/<form[^>]*\saction="([^"]*)"[^>]*>(.*?)<\/form>/gs)].find((found) => found[1] === action)?.[2];
    if (form === undefined) throw new Error(`the page has no form for ${action}`);
    return Object.fromEntries([...form.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([tag]) =>
      [/name="([^"]*)"/.exec(tag)?.[1] ?? '', unescape(/value="([^"]*)"/.exec(tag)?.[1] ?? '')]));
  };
  const follow = async (first: Ask): Promise<Page> => {
    let ask = first;
    for (let i = 0; i < REDIRECTS_MAX; i++) {
      const answer = await send({ ...ask, tenant, address, cookies: { ...cookies } });
      take(answer);
      shown = answer.text;
      const to = answer.headers.location;
      if (answer.status < 300 || answer.status > 399 || typeof to !== 'string') return { ...answer, text: read(answer.text), path: ask.path };
      if (!to.startsWith('/') || to.startsWith('//') || to.startsWith('/\\')) throw new Error(`sent to another site: ${to}`);
      ask = { path: to, headers: { accept: 'text/html' } };
    }
    throw new Error('redirected for ever');
  };
  return {
    cookies, hidden,
    open: (path, headers = {}) => follow({ path, headers: { accept: 'text/html', ...headers } }),
    submit: (action, fields = {}) => follow({ method: 'POST', path: action, form: { ...hidden(action), ...fields }, headers: { accept: 'text/html' } }),
  };
}
