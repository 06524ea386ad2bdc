import { perform, spineTransact, systemRandom, type TenantRef, type Worker, type WorkerContext } from '#kernel';
import { EXPIRY_EVERY_MS, EXPIRY_HOLDS_MAX } from '../contract.ts';
import { dueHolds, earliestExpiries } from '../store/transfers.ts';
import { post } from './post.ts';

/** Ends holds of a tenant that are past their time, by the ledger's clock; resolves to how many were found. */
export function expireHolds(w: Pick<WorkerContext, 'cell'>, tenant: TenantRef): Promise<number> {
  const trace = systemRandom.bytes(16).toString('hex');
  return perform(w.cell, tenant, { actor: { kind: 'system', name: 'ledger.expiry' }, trace }, async (tx) => {
    const due = await dueHolds(tx.sql, BigInt(tx.now.getTime()) * 1000n, EXPIRY_HOLDS_MAX);
    // Whoever captured or voided one meanwhile was first: its expiry is then refused under the lock, and nothing changes.
    if (due.length) await post(tx.section, due.map((hold) => ({ by: tx, transfers: [{ kind: 'expire', target: hold.id }] })));
    return due.length;
  });
}

/** Ends holds past their time. Whether one has expired is judged when it is used, so a late sweep changes nothing but what is available. */
export const expiry: Worker = {
  name: 'ledger.expiry', role: 'worker',
  async run(w) {
    while (!w.signal.aborted) {
      const first = await spineTransact(w.cell, async (tx) => ({ rows: await earliestExpiries(tx.sql), nowMs: tx.now.getTime() }));
      for (const { tenant: id, expires_at_us: expiresAtUs } of first.rows) {
        const tenant = await w.tenant(id);
        // A tenant's clock may be moved, so what is due is decided by its own.
        if (!tenant || expiresAtUs > BigInt(first.nowMs + tenant.clockOffsetMs) * 1000n) continue;
        while (!w.signal.aborted && await expireHolds(w, tenant) === EXPIRY_HOLDS_MAX);
      }
      await w.clock.sleep(EXPIRY_EVERY_MS, w.signal);
    }
  },
};
