import { common, done, refuse, type Outcome, type Tx, type Uuid } from '#kernel';
import { tenantKeys } from '#spine/vault';
import { LINES_PER_BATCH_MAX, type Counts, type QuarantineReason } from '../contract.ts';
import { decideQuarantined, listQuarantine, lockQuarantined, type Quarantined } from '../store.ts';
import { ingest, linePlace, type Ingested, type RawLine } from './ingest.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Lines of NDJSON bytes, with or without a last newline, CRLF or LF; empty lines do not count. Undefined when the bytes are not UTF-8. */
export function splitLines(bytes: Uint8Array): RawLine[] | undefined {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return undefined;
  }
  return text.split('\n').map((line, i) => ({ no: i + 1, text: line.replace(/\r$/, '') })).filter((l) => l.text.trim() !== '');
}

/** The verb behind the signed feed route. */
export async function takeFeed(tx: Tx, input: { body: Uint8Array }): Promise<Outcome<Ingested>> {
  const lines = splitLines(input.body);
  if (!lines) return refuse(common.badRequest, { detail: 'the body is not UTF-8' });
  if (lines.length > LINES_PER_BATCH_MAX) return refuse(common.tooLarge, { detail: `at most ${LINES_PER_BATCH_MAX} lines in one request` });
  return done(await ingest(tx.section, tx, `http ${tx.actor.kind === 'machine' ? tx.actor.id : ''}`, lines));
}

export interface QuarantinedLine { readonly id: string; readonly at: Date; readonly reason: string; readonly feed: string; readonly lineNo: number }
const headOf = (q: Quarantined): QuarantinedLine => ({ id: q.id, at: q.at, reason: q.reason, feed: q.feed, lineNo: q.line_no });

/** Open lines, oldest first, without their text. */
export const quarantineList = async (tx: Tx, limit: number): Promise<QuarantinedLine[]> => (await listQuarantine(tx.sql, limit)).map(headOf);

/** One line with its text. Looking is audited. */
export async function quarantineShow(tx: Tx, id: Uuid): Promise<(QuarantinedLine & { text: string; state: string }) | undefined> {
  const row = await lockQuarantined(tx.sql, id);
  tx.audit({ action: 'taxrefund.quarantine-shown', result: row ? 'done' : 'refused', resource: `quarantine ${id}` });
  return row && { ...headOf(row), state: row.state, text: tenantKeys(tx).open(linePlace(row.id), row.line) };
}

/** Takes a line again, after what was wrong with it has been mended; it leaves quarantine only when it was taken. */
export async function quarantineReplay(tx: Tx, id: Uuid): Promise<{ counts: Counts; reason: QuarantineReason | undefined } | undefined> {
  const row = await lockQuarantined(tx.sql, id);
  if (!row || row.state !== 'open') return undefined;
  // Decided first: a line that fails again comes back under a new id, so that none is open twice.
  await decideQuarantined(tx.sql, id, 'replayed', tx.now);
  const result = await ingest(tx.section, tx, row.feed, [{ no: row.line_no, text: tenantKeys(tx).open(linePlace(row.id), row.line) }]);
  tx.audit({ action: 'taxrefund.quarantine-replayed', result: result.counts.quarantined ? 'refused' : 'done', resource: `quarantine ${id}` });
  return { counts: result.counts, reason: result.quarantined[0]?.reason };
}
