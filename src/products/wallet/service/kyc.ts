import { createHash } from 'node:crypto';
import { z } from 'zod';
import { done, idOf, perform, refuse, Unavailable, uuid, uuidOf, type Outcome, type PrepareContext, type Tx, type Uuid } from '#kernel';
import { getObject, putObject } from '#platform/objects';
import { readProfile } from '#spine/identity';
import { subjectKeys, tenantKeys, type Sealer } from '#spine/vault';
import {
  APPROVALS_NEEDED, caseDecided, DOCUMENT_BYTES_MAX, DOCUMENTS_MAX, documentGone, documentsUsed, documentWrong, knownAlready, KycChanged,
  OBJECT_NAMES_MAX, operatorNeeded, QUEUE_MAX,
  reasonMissing, sameOperator, sanctionsOpen, unknownCase, unknownDocument, zCases, zDecide, zOfCase, zOfDocument, zQueue, zUpload, type CaseView,
  type DocumentView, type KeptView, type KycView,
} from '../contract.ts';
import { beginsAs } from '../rules.ts';
import { tiersOf } from '../store/accounts.ts';
import {
  casesIn, documentsOf, endCase, insertDocument, insertVote, lockCase, newestCase, openCase, raiseTier, readCase, readDocument, votesOf, type DocumentRow,
} from '../store/kyc.ts';
import { isDisposed, lockObject } from '../store/disposal.ts';
import { hitsOf } from '../store/sanctions.ts';
import { personOf } from './accounts.ts';
import { hitView, screen } from './screening.ts';

const TIER_BY_DOCUMENTS = 2;
const place = (object: string): { table: string; column: string; row: string } => ({ table: 'wallet.document', column: 'object', row: object });

const documentView = (d: DocumentRow): DocumentView =>
  ({ document: idOf('wdoc', d.id), kind: d.kind, type: d.type, bytes: d.bytes, uploadedAt: d.uploaded_at, disposedAt: d.disposing_at });

async function sealerOf(tx: Tx, person: Uuid): Promise<Sealer> {
  const sealer = (await subjectKeys(tx.section, [person])).get(person);
  if (!sealer) throw new Error('a person without a key');
  return sealer;
}

/** A name that follows from the holder and the content; one whose object was removed, or is about to be, is not used again. */
async function nameOf(tx: Tx, person: Uuid, sha256: string): Promise<string> {
  for (let n = 0; n < OBJECT_NAMES_MAX; n++) {
    const object = `kyc/${tenantKeys(tx.section).mac('wallet.document', `${person} ${sha256}${n ? ` ${n}` : ''}`).toString('hex', 0, 16)}`;
    if (!await isDisposed(tx.sql, tx.tenant.id, object)) return object;
  }
  throw new Error('one content was disposed of too often');
}

/**
 * Keeps a document before the transaction that tells of it: sealed under its holder's key, under a name that follows from the holder and the
 * content. Sent again it is the same object; a request that fails afterwards leaves only sealed bytes that nothing points to.
 */
export async function keepDocument(c: PrepareContext, input: z.output<typeof zUpload>): Promise<Outcome<z.output<typeof zUpload>>> {
  const { type, data } = input.body;
  if (!('base64' in data)) throw new Error('a document that is kept already');
  const bytes = Buffer.from(data.base64, 'base64');
  if (bytes.length === 0 || bytes.length > DOCUMENT_BYTES_MAX) return refuse(documentWrong, { field: 'data', limit: String(DOCUMENT_BYTES_MAX) });
  if (!beginsAs(type, bytes)) return refuse(documentWrong, { field: 'type' });
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const { object, sealer } = await perform(c.cell, c.tenant, c.by, async (tx) =>
    ({ sealer: await sealerOf(tx, personOf(tx)), object: await nameOf(tx, personOf(tx), sha256) }));
  await putObject({ tenant: c.tenant, use: c.cell.use }, object, sealer.seal(place(object), bytes.toString('base64')));
  return done({ body: { ...input.body, data: { object, sha256, bytes: bytes.length } } });
}

async function viewOf(tx: Tx, person: Uuid): Promise<KycView> {
  const [known] = await tiersOf(tx.sql, tx.tenant.id, [person]);
  const found = await newestCase(tx.sql, tx.tenant.id, person);
  const documents = found ? (await documentsOf(tx.sql, tx.tenant.id, found.id)).map(documentView) : [];
  return {
    tier: known?.tier ?? 0,
    case: found ? { case: idOf('wkyc', found.id), state: found.state, reason: found.reason, openedAt: found.opened_at, documents } : null,
  };
}

/** How well the caller is known, and what they sent last. */
export const showKyc = async (tx: Tx): Promise<Outcome<KycView>> => done(await viewOf(tx, personOf(tx)));

/** Adds a document that is kept to the caller's open case, opening one where there is none. */
export async function addDocument(tx: Tx, input: z.output<typeof zUpload>): Promise<Outcome<KycView>> {
  const person = personOf(tx);
  const { kind, type, data } = input.body;
  if ('base64' in data) throw new Error('a document that is kept nowhere');
  const [known] = await tiersOf(tx.sql, tx.tenant.id, [person]);
  if ((known?.tier ?? 0) >= TIER_BY_DOCUMENTS) return refuse(knownAlready);
  const row = await openCase(tx.sql, tx.tenant.id, tx.uuid(), person, tx.now);
  const there = await documentsOf(tx.sql, tx.tenant.id, row.id);
  if (!there.some((d) => d.object === data.object)) {
    if (there.length >= DOCUMENTS_MAX) return refuse(documentsUsed);
    // Its object is being removed since it was put: sent again, it gets another name.
    if ((await lockObject(tx.sql, tx.tenant.id, data.object)).disposing) throw new Unavailable('the same document is being disposed of');
    await insertDocument(tx.sql, tx.tenant.id, {
      id: tx.uuid(), case: row.id, person, kind, type, bytes: data.bytes, sha256: Buffer.from(data.sha256, 'hex'), object: data.object, uploaded_at: tx.now,
    });
    tx.emit(KycChanged, row.id, { case: row.id, person, state: 'open' });
  }
  tx.audit({ action: 'wallet.document-sent', result: 'done', subject: person, resource: idOf('wkyc', row.id), detail: { kind, bytes: data.bytes } });
  return done(await viewOf(tx, person));
}

/** Cases that wait for operators (or of another state), the oldest first. */
export async function queue(tx: Tx, input: z.output<typeof zQueue>): Promise<Outcome<z.output<typeof zCases>>> {
  const rows = await casesIn(tx.sql, tx.tenant.id, input.query?.state ?? 'open', QUEUE_MAX);
  return done({ cases: rows.map((c) => ({
    case: idOf('wkyc', c.id), person: c.person, state: c.state, openedAt: c.opened_at, documents: c.documents, approvals: c.approvals, hits: c.hits,
  })) });
}

async function caseView(tx: Tx, id: Uuid): Promise<CaseView | undefined> {
  const row = await readCase(tx.sql, tx.tenant.id, id);
  if (!row) return undefined;
  const papers = (await documentsOf(tx.sql, tx.tenant.id, id)).map(documentView);
  const votes = await votesOf(tx.sql, tx.tenant.id, id);
  const hits = (await hitsOf(tx.sql, tx.tenant.id, row.person)).map(hitView);
  const profile = await readProfile(tx.section, row.person);
  return {
    case: idOf('wkyc', row.id), person: row.person, state: row.state, reason: row.reason, openedAt: row.opened_at, documents: papers.length,
    approvals: votes.filter((v) => v.verdict === 'approve').length, hits: hits.filter((h) => h.state !== 'cleared').length,
    name: profile?.name ?? null, dateOfBirth: profile?.dateOfBirth ?? null, papers, votes, hitsFound: hits,
  };
}

/** One case with its person's name; the look is a fact about that person. */
export async function showCase(tx: Tx, input: z.output<typeof zOfCase>): Promise<Outcome<CaseView>> {
  const view = await caseView(tx, uuidOf(input.params.case));
  if (!view) return refuse(unknownCase);
  tx.audit({ action: 'wallet.case-viewed', result: 'done', subject: uuid(view.person), resource: view.case });
  return done(view);
}

/** Says what one operator thinks of a case: two different ones approve, one refuses. The sanctions list is asked again before each approval. */
export async function vote(tx: Tx, input: z.output<typeof zDecide>): Promise<Outcome<CaseView>> {
  if (tx.actor.kind !== 'operator') return refuse(operatorNeeded);
  const operator = tx.actor.id;
  const { verdict, reason } = input.body;
  const row = await lockCase(tx.sql, tx.tenant.id, uuidOf(input.params.case));
  if (!row) return refuse(unknownCase);
  if (row.state !== 'open') return refuse(caseDecided, { state: row.state });
  const votes = await votesOf(tx.sql, tx.tenant.id, row.id);
  if (votes.some((v) => v.operator === operator)) return refuse(sameOperator);
  if (verdict === 'refuse' && reason === undefined) return refuse(reasonMissing);
  const standing = verdict === 'approve' ? await screen(tx, row.person) : 0;
  if (standing) return refuse(sanctionsOpen, { hits: standing });
  await insertVote(tx.sql, tx.tenant.id, row.id, { operator, verdict, at: tx.now });
  const approvals = votes.filter((v) => v.verdict === 'approve').length + (verdict === 'approve' ? 1 : 0);
  const state = verdict === 'refuse' ? 'refused' : approvals >= APPROVALS_NEEDED ? 'approved' : 'open';
  if (state !== 'open') await endCase(tx.sql, tx.tenant.id, row.id, state, verdict === 'refuse' ? reason ?? null : null, tx.now);
  if (state === 'approved') await raiseTier(tx.sql, tx.tenant.id, row.person, TIER_BY_DOCUMENTS, tx.now);
  tx.emit(KycChanged, row.id, { case: row.id, person: row.person, state });
  tx.audit({ action: 'wallet.case-decided', result: 'done', subject: row.person, resource: input.params.case, detail: { verdict, state } });
  return done(await caseView(tx, row.id) as CaseView);
}

/** Where a document is kept; the look is a fact about its person. */
export async function showDocument(tx: Tx, input: z.output<typeof zOfDocument>): Promise<Outcome<KeptView>> {
  const row = await readDocument(tx.sql, tx.tenant.id, uuidOf(input.params.document));
  if (!row) return refuse(unknownDocument);
  if (row.disposing_at) return refuse(documentGone);
  tx.audit({ action: 'wallet.document-viewed', result: 'done', subject: row.person, resource: input.params.document });
  return done({ ...documentView(row), person: row.person, object: row.object, sha256: row.sha256.toString('hex') });
}

/** The bytes of a document, opened; what is not what was sent is not given out. */
export async function openDocument(d: KeptView, c: PrepareContext): Promise<Buffer> {
  const sealer = await perform(c.cell, c.tenant, c.by, (tx) => sealerOf(tx, uuid(d.person)));
  const sealed = await getObject({ tenant: c.tenant, use: c.cell.use }, d.object);
  if (sealed === undefined) throw new Error('a document is not where it is said to be');
  const bytes = Buffer.from(sealer.open(place(d.object), sealed), 'base64');
  if (createHash('sha256').update(bytes).digest('hex') !== d.sha256) throw new Error('a document is not the one that was sent');
  return bytes;
}
