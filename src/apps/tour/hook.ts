import { perform, type Clock } from '#kernel';
import { ensureMachine, signatureHeaders } from '#spine/identity';
import type { Program } from '../program.ts';
import type { Sim } from '../sims.ts';

const NAME = 'The demo’s receiver';
interface Listed { readonly endpoint: string; readonly description: string }

/** Points a tenant's webhooks at the made-up receiver, through the routes that its developers use. Receivers of earlier starts are taken away. */
export async function connectHook(o: { program: Program; base: string; slug: string; hook: Sim; clock: Clock }): Promise<void> {
  const tenant = o.program.directory.bySlug(o.slug);
  const cell = tenant && o.program.cells.get(tenant.cell);
  if (!tenant || !cell) throw new Error(`no tenant ${o.slug}`);
  const key = await perform(cell, tenant, { actor: { kind: 'system', name: 'demo' }, trace: '0'.repeat(32) }, (tx) =>
    ensureMachine(tx, 'demo developer', ['webhooks:manage', 'webhooks:read']));
  const ask = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const target = `/t/${o.slug}/api/webhooks/endpoints${path}` as const;
    const answer = await fetch(`${o.base}${target}`, {
      method,
      headers: { ...signatureHeaders(key, `${method} ${target}`, text, o.clock.now().getTime()),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: text }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return await answer.json() as T;
  };
  const { endpoints } = await ask<{ endpoints: Listed[] }>('GET', '');
  for (const old of endpoints.filter((e) => e.description === NAME)) await ask('DELETE', `/${old.endpoint}`);
  const { secret } = await ask<{ secret: string }>('POST', '', { url: `${o.hook.base}/hooks`, description: NAME, events: ['taxrefund.news'] });
  const set = await fetch(`${o.hook.base}/v1/secret`, { method: 'PUT', headers: { authorization: `Bearer ${o.hook.token}` },
    body: JSON.stringify({ secret }) });
  if (!set.ok) throw new Error(`the receiver took no secret: ${set.status}`);
}
