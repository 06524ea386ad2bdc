import type { z } from 'zod';
import { done, type Outcome, type Tx, type Uuid } from '#kernel';
import type { zReceipts, zTaken } from '../contract.ts';
import { afterReceipt } from '../rules.ts';
import { dropMail } from '../store/choices.ts';
import { lockByRefs, settle, type Said } from '../store/messages.ts';
import { tellOpened } from './inbox.ts';

/**
 * What providers say became of messages they took, in whatever order and however often they say it. One that we do not know is counted and
 * changes nothing: a provider that tells of a message before its own answer was written down says it again.
 */
export async function receipts(tx: Tx, input: z.output<typeof zReceipts>): Promise<Outcome<z.output<typeof zTaken>>> {
  const { provider, receipts: said } = input.body;
  const known = new Map((await lockByRefs(tx.sql, tx.tenant.id, provider, [...new Set(said.map((r) => r.id))])).map((m) => [m.ref, m]));
  const moved = new Map<Uuid, Said>();
  const unreached = new Set<Uuid>();
  for (const r of said) {
    const m = known.get(r.id);
    if (!m) continue;
    if (m.channel === 'email' && (r.state === 'bounced' || r.state === 'complained')) unreached.add(m.person);
    const next = afterReceipt(m.state, r.state);
    if (!next) continue;
    known.set(r.id, { ...m, state: next.state });
    moved.set(m.id, { id: m.id, ...next });
    if (next.state === 'opened') tellOpened(tx, m, m.channel);
  }
  if (moved.size) await settle(tx.sql, tx.tenant.id, tx.now, [...moved.values()]);
  for (const person of unreached) await dropMail(tx.sql, tx.tenant.id, person, tx.now);
  const unknown = said.filter((r) => !known.has(r.id)).length;
  return done({ taken: said.length - unknown, unknown });
}
