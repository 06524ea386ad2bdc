import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { common, refuse, type AnyRoute, type Refused } from '#kernel';
import { unknownTenant } from '#spine/tenancy';
import { API_VERSIONS, BODY_BYTES_MAX, unknownVersion } from '../contract.ts';
import { BodyFault, sameOrigin, strictJson, utf8Text } from '../rules.ts';
import { authenticate, look, newTrace, offers, setCookies, type EdgeOptions, type Seen } from './context.ts';
import { API_HEADERS, securityHeaders, sendProblem } from './respond.ts';
import { answerText, limited, type Runner } from './run.ts';

/** Fastify answers HEAD with what GET would say. */
const reads = (req: FastifyRequest): boolean => req.method === 'GET' || req.method === 'HEAD';

/** May this request change something? A cookie alone proves nothing about who made the browser send it. */
export function originProblem(o: EdgeOptions, req: FastifyRequest, seen: Seen): Refused | undefined {
  if (reads(req) || seen.bySecret === 'header') return undefined;
  const site = req.headers['sec-fetch-site'];
  const origin = req.headers.origin;
  // A machine without cookies sends neither header; a page of another site always sends one.
  if (seen.bySecret === undefined && site === undefined && origin === undefined) return undefined;
  const facts = { site: typeof site === 'string' ? site : undefined, origin, host: req.headers.host, secure: o.secure };
  return sameOrigin(facts) ? undefined : refuse(common.crossSite);
}

function wireInput(route: AnyRoute, req: FastifyRequest): unknown {
  const wire: Record<string, unknown> = {};
  const params = req.params as Record<string, unknown>;
  const query = req.query as Record<string, unknown>;
  if (Object.keys(params).length) wire.params = params;
  if (Object.keys(query).length) wire.query = query;
  if (reads(req)) return wire;
  const body = req.body as Buffer | undefined;
  if (route.consumes === 'ndjson') wire.body = body ?? Buffer.alloc(0);
  else if (route.consumes === 'form') wire.body = Object.fromEntries(new URLSearchParams(utf8Text(body ?? Buffer.alloc(0))));
  else if (body?.length) wire.body = strictJson(utf8Text(body));
  return wire;
}

/** Everything before the route runs; a refusal ends it. */
async function enter(o: EdgeOptions, runner: Runner, req: FastifyRequest, route: AnyRoute, product: string | undefined): Promise<Seen | Refused> {
  const seen = look(o, req);
  if (seen === 'unknown-tenant') return refuse(unknownTenant);
  if (seen === 'misdirected') return refuse(common.misdirected);
  if (!offers(seen, product)) return refuse(common.notFound);
  const asked = authenticate(o, runner.authenticators(route.scope), req, seen);
  if (asked) await asked;
  const over = limited(o, seen);
  return versionProblem(req) ?? (over instanceof Promise ? await over : over) ?? originProblem(o, req, seen) ?? seen;
}

function versionProblem(req: FastifyRequest): Refused | undefined {
  const asked = req.headers['exchequer-version'];
  return asked === undefined || (API_VERSIONS as readonly unknown[]).includes(asked) ? undefined : refuse(unknownVersion, { known: API_VERSIONS });
}

export function mountRoute(app: FastifyInstance, o: EdgeOptions, runner: Runner, route: AnyRoute, product: string | undefined): void {
  const headers = { ...securityHeaders(o, API_HEADERS), 'content-type': 'application/json; charset=utf-8' };
  const isProblem = (x: Seen | Refused): x is Refused => 'problem' in x;
  const answer = async (req: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const seen = await enter(o, runner, req, route, product);
    if (isProblem(seen)) return void sendProblem(o, reply, seen, req.seen?.trace ?? newTrace());
    let wire: unknown;
    try {
      wire = wireInput(route, req);
    } catch (error) {
      if (!(error instanceof BodyFault)) throw error;
      return void sendProblem(o, reply, refuse(common.badRequest, { detail: error.message }), seen.trace);
    }
    const key = req.headers['idempotency-key'];
    const { outcome, replayed } = await runner.run(route, seen, wire, typeof key === 'string' ? key : undefined);
    if (seen.set.length) setCookies(o, seen, reply);
    if (replayed) reply.header('idempotency-replayed', 'true');
    if (!outcome.ok) return void sendProblem(o, reply, outcome, seen.trace);
    reply.code(route.status ?? 200).headers(headers).header('x-trace-id', seen.trace).send(answerText(route, outcome.value));
  };
  // Not the promise itself: the framework would wait for the answer to have left.
  const handler = (req: FastifyRequest, reply: FastifyReply): void => void answer(req, reply).catch((error: unknown) => reply.send(error));
  app.route({ method: route.method, url: `/api${route.path}`, bodyLimit: route.bodyMax ?? BODY_BYTES_MAX, handler });
}
