import type { FastifyInstance } from 'fastify';
import { common, refuse, type AnyDownload, type Sheet } from '#kernel';
import { Typesetter } from '../port.ts';
import { newTrace, offers, setCookies, type EdgeOptions } from './context.ts';
import { enter, refusedPage, type Owned } from './pages.ts';
import { API_HEADERS, securityHeaders, sendProblem } from './respond.ts';
import { authorize, type Runner } from './run.ts';

const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$/;
const isSheet = (what: string | Buffer | Sheet): what is Sheet => typeof what !== 'string' && !Buffer.isBuffer(what);

/** A file over one route: its session, scope and audit fact are the route's; what is refused is a page, since a person asked. */
export function mountDownload(app: FastifyInstance, o: EdgeOptions, runner: Runner, { what, product }: Owned<AnyDownload>): void {
  app.get(what.path, async (req, reply) => {
    const entered = await enter(o, runner, req, what.route.scope);
    if ('problem' in entered) return sendProblem(o, reply, entered, newTrace());
    const { seen, context } = entered;
    const at = { seen, context, scope: what.route.scope };
    if (!offers(seen, product)) return refusedPage(o, reply, at, refuse(common.notFound));
    const no = entered.no ?? authorize(what.route, seen);
    if (no) return refusedPage(o, reply, at, no);
    const input = what.input ? what.input(context) : { params: context.params, query: context.query };
    const { outcome } = await runner.run(what.route, seen, input, undefined);
    if (!outcome.ok) return refusedPage(o, reply, at, outcome);
    const name = what.filename(outcome.value);
    if (!FILE_NAME.test(name)) throw new Error(`a file cannot bear this name: ${name}`);
    const by = { actor: seen.actor, trace: seen.trace, address: seen.address, agent: seen.agent };
    const written = await what.write(outcome.value, { ...context, cell: seen.cell, by });
    const type = typeof what.type === 'string' ? what.type : what.type(outcome.value);
    const body = isSheet(written) ? await seen.cell.use(Typesetter).pdf(written) : written;
    setCookies(o, seen, reply);
    return reply.code(200).headers(securityHeaders(o, API_HEADERS)).header('content-type', type).header('x-trace-id', seen.trace)
      .header('content-disposition', `attachment; filename="${name}"`).header('vary', 'Cookie, Accept-Language').send(body);
  });
}
