import { perform } from '#kernel';
import { ensureMachine } from '#spine/identity';
import type { TenantRecord } from '#spine/tenancy';
import type { Program } from './program.ts';
import type { Sim } from './sims.ts';

/** Gives made-up providers of text messages the keys by which they tell each office what became of its messages; each provider has its own. */
export async function connectReceipts(o: { program: Program; tenants: readonly TenantRecord[]; address: (slug: string) => string;
  providers: readonly { readonly name: string; readonly sim: Sim }[] }): Promise<void> {
  for (const tenant of o.tenants) {
    const cell = o.program.cells.get(tenant.cell);
    if (!cell) continue;
    for (const { name, sim } of o.providers) {
      const key = await perform(cell, tenant, { actor: { kind: 'system', name: 'demo' }, trace: '0'.repeat(32) }, (tx) =>
        ensureMachine(tx, `text provider ${name}`, ['notify:receipts']));
      const set = await fetch(`${sim.base}/v1/receipts`, { method: 'PUT', headers: { authorization: `Bearer ${sim.token}` },
        body: JSON.stringify({ to: `${o.address(tenant.slug)}/api/notifications/receipts`, key: key.id, secret: key.secret, provider: name }) });
      if (!set.ok) throw new Error(`the provider ${name} took no key: ${set.status}`);
    }
  }
}
