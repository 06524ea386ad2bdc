import type { FastifyInstance } from 'fastify';
import { negotiate, newTrace, uuid, type Clock, type PageContext } from '#kernel';
import { document } from '#kit';
import { PAGE_HEADERS, type Assets } from '#platform/edge';
import { deskView } from './page.tsx';
import type { DeskPerson } from './people.ts';

/** Makes the demo's page of operators; it lists nobody until `open` has brought them. */
export function createDesk(o: { assets: Assets; clock: Clock }): { mount(app: FastifyInstance): void; open(people: readonly DeskPerson[]): void } {
  let people: readonly DeskPerson[] = [];
  return {
    open: (made) => { people = made; },
    mount(app) {
      app.get('/_dev/operators', (req, reply) => {
        const query = req.query as Record<string, string>;
        const context: PageContext = {
          tenant: { id: uuid('0'.repeat(32)), slug: 'desk', name: 'Exchequer', country: 'IN', zone: 'Asia/Kolkata', languages: ['en', 'hi'], cell: '',
            products: [],
            clockOffsetMs: 0 },
          brand: {}, language: negotiate(query.lang ?? req.headers['accept-language'], ['en', 'hi']), theme: 'auto', signedIn: false, path: req.url, base: '',
          asset: (name) => o.assets.url(name), token: '', key: '', now: o.clock.now(), synthetic: true, trace: newTrace(), params: {}, query,
        };
        return reply.headers({ ...PAGE_HEADERS, 'content-language': context.language }).send(document(context, deskView(context, people)));
      });
    },
  };
}
