import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { common, done, productOf, refuse, type AnyForm, type AnyPage, type FormState, type Module, type Outcome, type PageContext, type Refused,
  type Rendered, type Scope, type UploadedFile } from '#kernel';
import { document } from '#kit';
import { unknownTenant } from '#spine/tenancy';
import { BODY_BYTES_MAX } from '../contract.ts';
import { problemPage } from '../pages.tsx';
import { BodyFault, formFields, safeReturn, sitePath, utf8Text } from '../rules.ts';
import { authenticate, browserOf, formTokenFits, look, newTrace, offers, pageContext, setCookies, staffed, type EdgeOptions, type Seen } from './context.ts';
import { originProblem } from './api.ts';
import { multipart } from './multipart.ts';
import { PAGE_HEADERS, securityHeaders, sendProblem } from './respond.ts';
import { authorize, limited, type Runner } from './run.ts';

const EMPTY_FORM: FormState = { values: {}, errors: {} };

function sendPage(o: EdgeOptions, reply: FastifyReply, seen: Seen, context: PageContext, status: number, rendered: Rendered): FastifyReply {
  setCookies(o, seen, reply);
  return reply.code(status).headers(securityHeaders(o, PAGE_HEADERS)).header('x-trace-id', seen.trace).header('content-language', context.language)
    .send(document(context, rendered));
}

/** Where whoever is signed out is sent, to come back after signing in. */
const SIGN_IN = '/sign-in';
const OPERATOR_SIGN_IN = '/operator/sign-in';

function redirect(o: EdgeOptions, reply: FastifyReply, seen: Seen, to: string): FastifyReply {
  setCookies(o, seen, reply);
  return reply.code(303).headers(securityHeaders(o, PAGE_HEADERS)).header('location', to).send('');
}

export interface Refusing { readonly seen: Seen; readonly context: PageContext; readonly scope: Scope }

export function refusedPage(o: EdgeOptions, reply: FastifyReply, { seen, context, scope }: Refusing, refused: Refused): FastifyReply {
  if (refused.problem.status === 401) {
    // The cookies of an ended session would refuse the sign-in form as well, until they ran out.
    const cookies = seen.bySecret === 'cookie' ? seen.by?.cookies ?? [] : [];
    seen.set.push(...cookies.map((name) => ({ name, value: null })));
    // Back to what was asked for, where that is a page: an address that takes a form only would show nothing.
    const back = reply.request.method === 'POST' ? undefined : safeReturn(context.path);
    return redirect(o, reply, seen, `${context.base}${staffed(scope) ? OPERATOR_SIGN_IN : SIGN_IN}${back ? `?then=${encodeURIComponent(back)}` : ''}`);
  }
  const wait = refused.data.retryAfterSeconds;
  if (typeof wait === 'number') reply.header('retry-after', String(wait));
  return sendPage(o, reply, seen, context, refused.problem.status, problemPage(context, refused));
}

export async function enter(o: EdgeOptions, runner: Runner, req: FastifyRequest, scope: Scope):
  Promise<{ seen: Seen; context: PageContext; no: Refused | undefined } | Refused> {
  const seen = look(o, req);
  if (seen === 'unknown-tenant') return refuse(unknownTenant);
  if (seen === 'misdirected') return refuse(common.misdirected);
  await authenticate(o, runner.authenticators(scope), req, seen);
  const no = await limited(o, seen);
  return { seen, context: pageContext(o, req, seen), no };
}

export const scopeOf = (page: AnyPage): Scope => page.scope ?? page.route?.scope ?? 'public';

export interface Owned<T> { readonly what: T; readonly product: string | undefined }

/** Several products may have a page at one address, such as the front page: the tenant's own is shown, in the order of its products. */
function mountPage(app: FastifyInstance, o: EdgeOptions, runner: Runner, path: string, pages: readonly Owned<AnyPage>[]): void {
  const rank = (seen: Seen, p: Owned<AnyPage>): number => (p.product === undefined ? -1 : seen.tenant.products.indexOf(p.product));
  // Where products share an address, it is for the same people.
  const scope: Scope = pages.map((p) => scopeOf(p.what)).find((s) => s !== 'public') ?? 'public';
  app.get(path, async (req, reply) => {
    const entered = await enter(o, runner, req, scope);
    if ('problem' in entered) return sendProblem(o, reply, entered, newTrace());
    const { seen, context } = entered;
    const page = pages.filter((p) => offers(seen, p.product)).toSorted((a, b) => rank(seen, a) - rank(seen, b))[0]?.what;
    const at = { seen, context, scope };
    if (!page) return refusedPage(o, reply, at, refuse(common.notFound));
    const no = entered.no ?? authorize({ scope: scopeOf(page) }, seen);
    if (no) return refusedPage(o, reply, at, no);
    let outcome: Outcome<unknown> = done(null);
    if (page.route) {
      const params = Object.keys(context.params).length ? { params: context.params } : {};
      outcome = (await runner.run(page.route, seen, page.input ? page.input(context) : params, undefined)).outcome;
    }
    if (!outcome.ok && !page.route?.problems.includes(outcome.problem)) return refusedPage(o, reply, at, outcome);
    const rendered = page.view(context, outcome, EMPTY_FORM);
    return sendPage(o, reply, seen, context, outcome.ok ? 200 : outcome.problem.status, rendered);
  });
}

async function submitForm(o: EdgeOptions, runner: Runner, { what: form, product }: Owned<AnyForm>, req: FastifyRequest,
  reply: FastifyReply): Promise<FastifyReply> {
  const { scope } = form.route;
  const entered = await enter(o, runner, req, scope);
  if ('problem' in entered) return sendProblem(o, reply, entered, newTrace());
  const { seen, context } = entered;
  const at = { seen, context, scope };
  if (!offers(seen, product)) return refusedPage(o, reply, at, refuse(common.notFound));
  const no = entered.no ?? originProblem(o, req, { ...seen, bySecret: 'cookie' }) ?? authorize(form.route, seen);
  if (no) return refusedPage(o, reply, at, no);
  let values: Record<string, string>;
  let files: Readonly<Record<string, UploadedFile>> = {};
  try {
    const body = (req.body as Buffer | undefined) ?? Buffer.alloc(0);
    if (form.uploadMax !== undefined && /^multipart\/form-data\b/i.test(req.headers['content-type'] ?? '')) {
      ({ values, files } = await multipart(body, req.headers['content-type'] as string));
    } else values = formFields(utf8Text(body));
  } catch (error) {
    if (!(error instanceof BodyFault)) throw error;
    return refusedPage(o, reply, at, refuse(common.badRequest, { detail: error.message }));
  }
  const { _token = '', _key = '', ...typed } = values;
  if (!formTokenFits(o, seen, _token)) return refusedPage(o, reply, at, refuse(common.crossSite));
  const read = form.fields(typed, { ...context, files, cookies: { ...seen.cookies, xq_browser: browserOf(seen) } });
  // The fields stay as typed; only a one-time code is never written back into a page.
  const state = { values: typed, errors: {} as Record<string, string> };
  if ('errors' in read) return sendPage(o, reply, seen, context, 422, form.again(context, { ...state, errors: read.errors }));
  const { outcome } = await runner.run(form.route, seen, read.input, _key || undefined);
  if (!outcome.ok) {
    if (!form.route.problems.includes(outcome.problem)) return refusedPage(o, reply, at, outcome);
    const wait = outcome.data.retryAfterSeconds;
    if (typeof wait === 'number') reply.header('retry-after', String(wait));
    return sendPage(o, reply, seen, context, outcome.problem.status, form.again(context, { ...state, problem: outcome.problem, data: outcome.data }));
  }
  const then = form.then(outcome.value, { ...context, query: { ...context.query, ...typed } });
  if ('body' in then) return sendPage(o, reply, seen, context, form.route.status ?? 200, then);
  if (then.cookies) seen.set.push(...then.cookies);
  // Whatever a form was made to say, nobody is sent to another site.
  return redirect(o, reply, seen, `${context.base}${sitePath(then.to) ? then.to : '/'}`);
}

export function mountPages(app: FastifyInstance, o: EdgeOptions, runner: Runner, modules: readonly Module[]): void {
  const pages = modules.flatMap((m) => (m.pages ?? []).map((what) => ({ what, product: productOf(m) })));
  for (const [path, owned] of Map.groupBy(pages, (p) => p.what.path)) mountPage(app, o, runner, path, owned);
  for (const form of modules.flatMap((m) => (m.forms ?? []).map((what) => ({ what, product: productOf(m) })))) {
    app.post(form.what.path, { bodyLimit: form.what.uploadMax ?? BODY_BYTES_MAX }, (req, reply) => submitForm(o, runner, form, req, reply));
  }
}

/** An address that nothing answers: a page for people, a problem for machines. */
export async function answerNothing(o: EdgeOptions, req: FastifyRequest, reply: FastifyReply, refused: Refused): Promise<FastifyReply> {
  const seen = look(o, req);
  const wantsPage = !req.url.startsWith('/api/') && (req.headers.accept ?? '').includes('text/html');
  if (typeof seen === 'string' || !wantsPage) return sendProblem(o, reply, refused, typeof seen === 'string' ? newTrace() : seen.trace);
  return refusedPage(o, reply, { seen, context: pageContext(o, req, seen), scope: 'public' }, refused);
}

