import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isLanguage, negotiate, newTrace, systemRandom, uuid, type Language, type PageContext, type Rendered } from '#kernel';
import { document } from '#kit';
import { BROWSER_COOKIE_SECONDS, COOKIE_THEME, PAGE_HEADERS, parseCookies, sameOrigin, type Assets } from '#platform/edge';
import type { Sim } from '../sims.ts';
import { signInByForms } from './browser.ts';
import { outbox, type Letter } from './outbox.ts';
import { lostView, messagesView, tourView } from './page.tsx';
import { TENANT, type Refusal, type Stage } from './stage.ts';
import type { TourPerson } from './people.ts';

/** The demo's own host: loopback, and no tenant's. */
const OWN_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i;
const COOKIE_TOUR_LANGUAGE = 'xq_tour_lang';
const COOKIE_LANGUAGE = 'xq_lang';
const COOKIE_ACCESS = 'xq_access';
/** What other parts of the program answer at the demo's own host. */
const NOT_OURS = /^\/(?:_dev|assets|api|healthz|readyz|metrics|brand\.css)(?:[/?]|$)/;
const VIEWS = new Set(['/tax-refunds/:year', '/api/tax-refunds/:year']);

export interface TourOptions { readonly assets: Assets; readonly phones: readonly Sim[]; readonly relays: readonly Sim[]; readonly base: () => string }
export interface Tour { mount(app: FastifyInstance): void; open(stage: Stage): void }

type Step = { n: number; run: (stage: Stage, req: FastifyRequest) => Promise<Refusal | undefined>; signedIn?: true };
const STEPS: Readonly<Record<string, Step>> = {
  'reject': { n: 2, run: (s) => s.reject(), signedIn: true },
  'send-again': { n: 2, run: (s) => s.sendAgain() },
  'why': { n: 3, run: (s, req) => s.why(req.headers.cookie ?? '') },
  'cut': { n: 4, run: (s) => s.cut(), signedIn: true },
  'tamper': { n: 5, run: (s) => s.tamper() },
  'restore': { n: 5, run: (s) => s.restore() },
  'tell': { n: 7, run: (s) => s.tell() },
  'pay': { n: 6, run: (s) => s.pay(), signedIn: true },
};

const slugOf = (req: FastifyRequest): string | undefined => (req.raw as { tenantSlug?: string }).tenantSlug;
const isOwn = (req: FastifyRequest): boolean => slugOf(req) === undefined && OWN_HOST.test(req.headers.host ?? '');
const cookiesOf = (req: FastifyRequest): Record<string, string> => parseCookies(req.headers.cookie, false);
const cookie = (name: string, value: string): string => `${name}=${value}; Path=/; SameSite=Lax; HttpOnly; Max-Age=${BROWSER_COOKIE_SECONDS}`;

function languageOf(req: FastifyRequest, asked: string | undefined): Language {
  const kept = cookiesOf(req)[COOKIE_TOUR_LANGUAGE];
  if (asked !== undefined && isLanguage(asked)) return asked;
  return kept !== undefined && isLanguage(kept) ? kept : negotiate(req.headers['accept-language'], ['en', 'hi']);
}

/** Whom the session cookie names: for drawing only. The pages themselves check it. */
function subjectOf(access: string | undefined): string | undefined {
  try {
    return (JSON.parse(Buffer.from(access?.split('.')[1] ?? '', 'base64url').toString('utf8')) as { sub?: string }).sub;
  } catch {
    return undefined;
  }
}

function contextOf(o: TourOptions, req: FastifyRequest, now: Date, trace: string): PageContext {
  const query = req.query as Record<string, string>;
  const theme = query.theme ?? cookiesOf(req)[COOKIE_THEME];
  return {
    tenant: { id: uuid('0'.repeat(32)), slug: 'tour', name: 'Exchequer', country: 'IN', zone: 'Asia/Kolkata', languages: ['en', 'hi'], cell: '', products: [],
      clockOffsetMs: 0 },
    brand: {}, language: languageOf(req, query.lang), theme: theme === 'light' || theme === 'dark' ? theme : 'auto', signedIn: false, path: req.url, base: '',
    asset: (name) => o.assets.url(name), token: '', key: systemRandom.bytes(8).toString('hex'), now, synthetic: true, trace, params: {}, query,
  };
}

function send(reply: FastifyReply, context: PageContext, status: number, rendered: Rendered): FastifyReply {
  const { query } = context;
  const cookies = [
    // The tour speaks for both: its switch turns the phone as well, while the phone's own switch leaves the tour alone.
    ...(query.lang !== undefined && isLanguage(query.lang) ? [cookie(COOKIE_TOUR_LANGUAGE, query.lang), cookie(COOKIE_LANGUAGE, query.lang)] : []),
    ...(['light', 'dark', 'auto'].includes(query.theme ?? '') ? [cookie(COOKIE_THEME, query.theme as string)] : []),
  ];
  if (cookies.length) reply.header('set-cookie', cookies);
  return reply.code(status).headers({ ...PAGE_HEADERS, 'x-trace-id': context.trace, 'content-language': context.language }).send(document(context, rendered));
}

/** A step's answer: back to the page for people, one line of JSON for who asks for it. */
function answer(req: FastifyRequest, reply: FastifyReply, step: number, refused: Refusal | undefined): FastifyReply {
  reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  if ((req.headers.accept ?? '').startsWith('application/json')) return reply.code(refused ? 409 : 200).send({ ok: !refused, ...(refused ? { refused } : {}) });
  return reply.code(303).header('location', `/?step=${step}#step-${step}`).send('');
}

function sameSite(req: FastifyRequest): boolean {
  const site = req.headers['sec-fetch-site'];
  return isOwn(req) && sameOrigin({ site: typeof site === 'string' ? site : undefined, origin: req.headers.origin, host: req.headers.host, secure: false });
}

const signedIn = async (s: Stage, req: FastifyRequest): Promise<boolean> => {
  const subject = subjectOf(cookiesOf(req)[COOKIE_ACCESS]);
  return subject !== undefined && subject === await s.person();
};

async function show(o: TourOptions, s: Stage, req: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const query = req.query as Record<string, string>;
  const now = await s.now();
  const context = contextOf(o, req, s.clock.now(), newTrace());
  return send(reply, context, 200, tourView(context, {
    now, told: s.told, people: s.people, at: context.now, signedIn: await signedIn(s, req), step: Number.parseInt(query.step ?? '0', 10) || 0,
    phone: query.phone === 'hi' || query.phone === 'en' ? query.phone : undefined, slug: TENANT,
  }));
}

function lost(o: TourOptions, s: Stage, req: FastifyRequest, reply: FastifyReply): FastifyReply {
  const context = contextOf(o, req, s.clock.now(), newTrace());
  return send(reply, { ...context, path: '/' }, 404, lostView(context, TENANT));
}

/** Makes the tour's pages and controls; they answer once `open` has brought the stage. */
export function createTour(o: TourOptions): Tour {
  let stage: Stage | undefined;

  const control = async (req: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    if (!sameSite(req)) return reply.code(403).send({ refused: 'cross-site' });
    const { action = '' } = req.params as { action?: string };
    const step = STEPS[action];
    if (!stage || !step) return reply.code(404).send({ refused: 'unknown' });
    const refused = step.signedIn && !await signedIn(stage, req) ? 'signInFirst' : await step.run(stage, req);
    stage.told.refused = refused && { step: step.n, why: refused };
    return answer(req, reply, step.n, refused);
  };

  const signIn = async (req: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    if (!sameSite(req)) return reply.code(403).send({ refused: 'cross-site' });
    if (!stage) return reply.code(404).send({ refused: 'unknown' });
    const s = stage;
    let refused: Refusal | undefined = await s.person() ? undefined : 'loading';
    if (!refused && !await signedIn(s, req)) {
      const set = await signInByForms({
        base: o.base(), slug: TENANT, trace: newTrace(), cookie: req.headers.cookie ?? '', person: s.people[0] as TourPerson, phones: o.phones, clock: s.clock,
      });
      if (set) reply.header('set-cookie', set);
      else refused = 'signInFailed';
    }
    s.told.refused = refused && { step: 1, why: refused };
    return answer(req, reply, 1, refused);
  };

  return {
    open: (opened) => { stage = opened; },
    mount(app) {
      app.addHook('onRequest', async (req, reply) => {
        if (!stage || !['GET', 'HEAD'].includes(req.method)) return undefined;
        const path = req.url.split('?')[0] as string;
        const slug = slugOf(req);
        if (slug !== undefined && !stage.hasTenant(slug)) return lost(o, stage, req, reply);
        if (!isOwn(req) || NOT_OURS.test(path)) return undefined;
        return path === '/' ? show(o, stage, req, reply) : lost(o, stage, req, reply);
      });
      // Counted when the answer is ready to leave: a browser that has turned away in the meantime was answered all the same.
      app.addHook('onSend', async (req, reply) => {
        if (reply.statusCode === 200 && slugOf(req) === TENANT && VIEWS.has(req.routeOptions.url ?? '')) stage?.answered();
      });
      app.get('/_dev/messages.json', async (_, reply) => reply.header('cache-control', 'no-store').send(await outbox(o.phones)));
      app.get('/_dev/messages', async (req, reply) => {
        if (!stage) return reply.code(503).send('');
        const context = contextOf(o, req, stage.clock.now(), newTrace());
        return send(reply, context, 200, messagesView(context, await outbox(o.phones), await outbox<Letter>(o.relays)));
      });
      app.post('/_dev/tour/sign-in', signIn);
      app.post('/_dev/tour/:action', control);
    },
  };
}
