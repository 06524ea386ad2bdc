import fastify, { type FastifyInstance } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { common, errorFields, isUnavailable, NotYet, productOf, refuse, type Method, type Problem } from '#kernel';
import { brandCss } from '#kit';
import {
  BODY_BYTES_MAX, DRAIN_MS, HEADER_BYTES_MAX, HEADERS_TIMEOUT_MS, KEEP_ALIVE_MS, REQUEST_TIMEOUT_MS, URL_BYTES_MAX,
} from '../contract.ts';
import { legacyFields, rateLimitFields, tenantPath } from '../rules.ts';
import { mountRoute } from './api.ts';
import { findTenant, newTrace, type EdgeOptions } from './context.ts';
import { mountDownload } from './downloads.ts';
import { compareClocks, measure } from './measure.ts';
import { openApi } from './openapi.ts';
import { answerNothing, mountPages } from './pages.ts';
import { API_HEADERS, securityHeaders, sendBare, sendProblem } from './respond.ts';
import { comeBack, createRunner, type Runner } from './run.ts';
import { createHub, mountStream, type Hub } from './stream.ts';

export interface Edge { readonly app: FastifyInstance; readonly runner: Runner; readonly hub: Hub; drain(): Promise<void> }

function mountHealth(app: FastifyInstance, o: EdgeOptions, state: { draining: boolean }, modules: EdgeOptions['modules']): void {
  const compared = compareClocks(o);
  const headers = securityHeaders(o, API_HEADERS);
  app.get('/healthz', (_, reply) => reply.headers(headers).send({ ok: true }));
  app.get('/readyz', async (_, reply) => {
    const cells = await Promise.all([...o.cells.values()].map(async (cell) => {
      try {
        compared(cell.name, await cell.pools.app.ping());
        return [cell.name, true] as const;
      } catch (error) {
        o.log.warn('edge.cell-not-ready', { cell: cell.name, ...errorFields(error) });
        return [cell.name, false] as const;
      }
    }));
    const ok = !state.draining && cells.every(([, up]) => up);
    return reply.code(ok ? 200 : 503).headers(headers).send({ ok, draining: state.draining, cells: Object.fromEntries(cells) });
  });
  app.get('/metrics', async (_, reply) => reply.headers(headers).header('content-type', o.metrics.contentType).send(await o.metrics.metrics()));
  // Made when it is first asked for: it takes a tenth of a second, which every start would wait for.
  let description: string | undefined;
  app.get('/api/openapi.json', (_, reply) => reply.headers({ ...headers, 'content-type': 'application/json; charset=utf-8' })
    .send(description ??= JSON.stringify(openApi(modules))));
}

function mountAssets(app: FastifyInstance, o: EdgeOptions): void {
  app.get('/brand.css', (req, reply) => {
    const css = brandCss(findTenant(o, req)?.tenant.brand ?? {});
    return reply.headers({ 'content-type': 'text/css; charset=utf-8', 'cache-control': 'private, max-age=300', 'x-content-type-options': 'nosniff' }).send(css);
  });
  app.get('/assets/*', (req, reply) => {
    const asset = o.assets.find((req.params as { '*': string })['*']);
    if (!asset) return answerNothing(o, req, reply, refuse(common.notFound));
    return reply.headers({
      'content-type': asset.type, 'cache-control': 'public, max-age=31536000, immutable', 'x-content-type-options': 'nosniff',
      ...(asset.encoding ? { 'content-encoding': asset.encoding, vary: 'Accept-Encoding' } : {}),
    }).send(asset.body);
  });
}

function catchAll(app: FastifyInstance, o: EdgeOptions): void {
  const methods = new Map<string, Set<Method>>();
  for (const r of o.modules.flatMap((m) => [...(m.routes ?? []).map((x) => ({ ...x, path: `/api${x.path}` })), ...(m.pages ?? []), ...(m.forms ?? []),
    ...(m.downloads ?? [])])) {
    methods.set(r.path, (methods.get(r.path) ?? new Set()).add(r.method));
  }
  const patterns = [...methods].map(([path, set]) => ({ set, is: new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`) }));
  app.setNotFoundHandler((req, reply) => {
    const path = req.url.split('?')[0] as string;
    const allowed = patterns.filter((p) => p.is.test(path)).flatMap((p) => [...p.set]);
    if (!allowed.length) return answerNothing(o, req, reply, refuse(common.notFound));
    reply.header('allow', allowed.join(', '));
    return answerNothing(o, req, reply, refuse(common.methodNotAllowed));
  });
  app.setErrorHandler((error: Error & { code?: string; statusCode?: number }, req, reply) => {
    if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return answerNothing(o, req, reply, refuse(common.tooLarge));
    if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return answerNothing(o, req, reply, refuse(common.unsupportedMedia));
    if (isUnavailable(error)) return answerNothing(o, req, reply, refuse(common.unavailable, { retryAfterSeconds: 5 }));
    if (error instanceof NotYet) return answerNothing(o, req, reply, comeBack(error));
    if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) return answerNothing(o, req, reply, refuse(common.badRequest));
    o.log.error('edge.threw', { trace: req.seen?.trace, route: req.routeOptions.url, ...errorFields(error) });
    return sendProblem(o, reply, refuse(common.internal), req.seen?.trace ?? newTrace());
  });
}

/** What an answer tells beside itself: what is left of the limits, and to a tracer that it has left. Nothing is asked where neither is on. */
function mountTelling(app: FastifyInstance, o: EdgeOptions): void {
  if (o.limits !== false) {
    app.addHook('onSend', (req, reply, payload, next) => {
      const limits = req.seen?.limits;
      if (limits) {
        const { policy, state: left } = rateLimitFields(limits);
        reply.header('ratelimit-policy', policy).header('ratelimit', left);
        const older = reply.statusCode === 429 && legacyFields(limits);
        if (older) reply.headers(older);
      }
      next(null, payload);
    });
  }
  if (o.tracer) {
    app.addHook('onResponse', (req, reply, next) => {
      req.seen?.span?.set({ 'http.response.status_code': reply.statusCode });
      req.seen?.span?.end();
      next();
    });
  }
}

const CONNECTIONS_CHECK_MS = 1000;
/** What is wrong with bytes that never became a request, by Node's name for it. */
const BARE: Readonly<Record<string, Problem>> = { HPE_HEADER_OVERFLOW: common.headersTooLarge, ERR_HTTP_REQUEST_TIMEOUT: common.tooSlow };

/** Builds the server over the modules; the caller listens and closes it. */
export function createEdge(o: EdgeOptions, more?: (app: FastifyInstance, runner: Runner) => void): Edge {
  const app = fastify({
    logger: false, bodyLimit: BODY_BYTES_MAX, routerOptions: { maxParamLength: 256 }, requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS,
    exposeHeadRoutes: true, forceCloseConnections: 'idle',
    // A drain answers what reaches it on a connection that is open: the framework's own 503 is no problem document, and nothing was wrong.
    return503OnClosing: false,
    http: {
      maxHeaderSize: HEADER_BYTES_MAX, headersTimeout: o.headersTimeoutMs ?? HEADERS_TIMEOUT_MS,
      // Node looks for late requests only this often, so a limit shorter than this would not hold.
      connectionsCheckingInterval: Math.min(CONNECTIONS_CHECK_MS, o.headersTimeoutMs ?? CONNECTIONS_CHECK_MS),
    },
    clientErrorHandler: (error, socket) => sendBare(socket, refuse(BARE[(error as { code?: string }).code ?? ''] ?? common.badRequest), newTrace()),
    frameworkErrors: (_, __, reply) => void sendProblem(o, reply, refuse(common.badRequest), newTrace()),
    rewriteUrl: (req: IncomingMessage) => {
      const url = req.url ?? '/';
      if (url.length > URL_BYTES_MAX) return '/address-too-long';
      const found = o.pathTenants ? tenantPath(url) : undefined;
      if (!found) return url;
      (req as IncomingMessage & { tenantSlug?: string }).tenantSlug = found.slug;
      return found.rest;
    },
  });
  const state = { draining: false };
  app.removeAllContentTypeParsers();
  for (const type of ['application/json', 'application/x-www-form-urlencoded', 'application/x-ndjson', 'multipart/form-data']) {
    app.addContentTypeParser(type, { parseAs: 'buffer' }, (req, body, next) => {
      const encoding = req.headers['content-encoding'];
      // Nothing is unpacked here: a few bytes could become gigabytes. Compressed bytes would otherwise be read as bad text.
      if (encoding === undefined || encoding === 'identity') next(null, body);
      else next(Object.assign(new Error('content-encoding'), { code: 'FST_ERR_CTP_INVALID_MEDIA_TYPE', statusCode: 415 }));
    });
  }
  app.addHook('onRequest', (_, reply, next) => {
    if (state.draining) reply.header('connection', 'close');
    next();
  });
  mountTelling(app, o);
  const runner = createRunner(o);
  const hub = createHub();
  const ending = new AbortController();
  measure(app, o, runner);
  mountHealth(app, o, state, o.modules);
  mountAssets(app, o);
  for (const m of o.modules) for (const route of m.routes ?? []) mountRoute(app, o, runner, route, productOf(m));
  mountPages(app, o, runner, o.modules);
  for (const m of o.modules) for (const what of m.downloads ?? []) mountDownload(app, o, runner, { what, product: productOf(m) });
  for (const m of o.modules) for (const stream of m.streams ?? []) mountStream(app, o, runner, { hub, stream, product: productOf(m), ending: ending.signal });
  more?.(app, runner);
  catchAll(app, o);
  return {
    app, runner, hub,
    async drain() {
      state.draining = true;
      ending.abort();
      runner.gate.stop();
      const closed = new AbortController();
      const late = o.clock.sleep(DRAIN_MS, closed.signal).then(() => app.server.closeAllConnections());
      await Promise.race([app.close(), late]);
      // An open timer would keep a program that is done waiting for the rest of the time.
      closed.abort();
    },
  };
}
