import { hash } from 'node:crypto';
import { auditorRead, uuid, type Check } from '#kernel';
import { eachFact } from '#spine/audit';
import { eventsById, refundCounts } from '../store.ts';
import { canonicalEvent } from './encode.ts';

/** Every appended event left a fact with the SHA-256 of its row: a row that was changed or removed since no longer fits it. */
export const eventsCheck: Check = {
  name: 'taxrefund.events',
  doc: 'Each refund event is the one whose hash its audit fact carries.',
  async run({ cell, tenant }) {
    const wrong: string[] = [];
    await eachFact(cell, tenant, 'taxrefund.event-appended', async (facts, sql) => {
      if (wrong.length) return;
      const rows = new Map((await eventsById(sql, facts.map((f) => uuid(String(f.detail.event))))).map((r) => [r.id, r]));
      for (const fact of facts) {
        const id = uuid(String(fact.detail.event));
        const row = rows.get(id);
        if (!row) wrong.push(`missing: event ${id} of fact ${fact.id} is gone`);
        else if (hash('sha256', canonicalEvent(row)) !== fact.detail.sha256) wrong.push(`changed: event ${id} is not what fact ${fact.id} recorded`);
        if (wrong.length) return;
      }
    });
    return wrong;
  },
};

/** A return counts exactly the events that stand in its log. */
export const countsCheck: Check = {
  name: 'taxrefund.counts',
  doc: 'Each return was projected from all of its events.',
  async run({ cell, tenant }) {
    const bad = await auditorRead(cell, tenant.id, (tx) => refundCounts(tx.sql));
    return bad.map((r) => `return ${r.id} counts ${r.events} events and has ${r.found}`);
  },
};
