import { z } from 'zod';
import { personal, problem, purposes, zInstant, zPurpose, zText } from '#kernel';

export const purposeMissing = problem('purpose-missing', {
  status: 422, title: 'A look at a person needs a purpose.', doc: `Name one of ${purposes.join(', ')} in \`purpose\`; it is recorded with the look.`,
});

/** Facts of one page of a search, and how many it looks through for them. */
export const SEARCH_FACTS_MAX = 100;
export const SEARCH_LOOKED_MAX = 20_000;
/** A resource as it may be searched for: whole, as its fact names it. */
export const RESOURCE_CHARS_MAX = 200;
/** Facts that one look back at an action brings, and spans of time that are looked at before one that is empty is given up. */
export const BACK_FACTS_MAX = 500;
export const BACK_LOOKS_MAX = 40;

const zHex = z.string().regex(/^[0-9a-f]{32}$/);
/** An id with or without its kind. */
const zAnyId = z.string().regex(/^(?:[a-z]+_)?[0-9a-f]{32}$/);
const zName = z.string().regex(/^[a-z][a-z0-9.-]{0,63}$/);
export const zSearch = z.strictObject({ query: z.strictObject({
  subject: zAnyId, purpose: zPurpose, actor: zAnyId, action: zName, result: z.enum(['done', 'refused', 'failed']), trace: zHex, from: zInstant, to: zInstant,
  resource: zText(RESOURCE_CHARS_MAX), cursor: z.string().regex(/^\d{1,18}$/),
}).partial().default({}) }).partial();
/** By which device it was done. `erased`: the person's key was destroyed, and with it what it sealed. `broken`: it is not what was sealed. */
const zDevice = z.strictObject({ state: z.enum(['open', 'erased', 'broken']), address: personal('address', z.string().nullable()),
  agent: personal('agent', z.string().nullable()) });
/** `device` is opened where somebody looks at a person and says why; else null. */
export const zFact = z.strictObject({
  seq: z.string(), id: zHex, at: zInstant, actorKind: z.string(), actor: zHex.nullable(), session: zHex.nullable(), action: z.string(), result: z.string(),
  subject: zHex.nullable(), resource: z.string().nullable(), problem: z.string().nullable(), trace: z.string(), latencyUs: z.int().nullable(),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])), device: zDevice.nullable(),
});
/** Newest first. `next` goes on where this page ended, which may be before anything was found: `lookedTo` says how far back that is. */
export const zFacts = z.strictObject({ facts: z.array(zFact), next: z.string().nullable(), lookedTo: zInstant.nullable() });

/** Facts sealed by one step of the sequencer. */
export const SEQUENCE_BATCH_MAX = 2000;
/** A fact gets its place in the chain within a second: this often the sequencer looks, and a step takes less than the rest. */
export const SEQUENCE_POLL_MS = 200;
/** How often the newest hash is written outside the database. */
export const HEAD_EVERY_MS = 60_000;

/** Numbers that a row of facts has to itself: a fact in a row of its own bears the first of them, those of a sheet the next ones too. */
export const SHEET_NUMBERS = 4096;
/** Facts of one transaction that share a row: from so many on, and no more in one than a step of the sequencer takes. */
export const SHEET_FACTS_MIN = 8;
export const SHEET_FACTS_MAX = SEQUENCE_BATCH_MAX;

/** The newest link of a cell's chain. */
export interface ChainHead { readonly cell: string; readonly pos: bigint; readonly chainHash: string; readonly at: Date }

/** What verification found first: the position and what is wrong there. */
export interface Violation { readonly kind: 'changed' | 'missing' | 'inserted' | 'reordered' | 'tail-cut' | 'source-changed'; readonly pos: bigint;
  readonly fact: string | null; readonly detail: string }

/** A fact as it stands in its row, every column as text: what the leaf's hash is taken of. */
export interface StoredFact {
  readonly seq: bigint; readonly id: string; readonly tenant: string; readonly at: string; readonly actor_kind: string; readonly actor: string | null;
  readonly session: string | null;
  readonly action: string; readonly result: string; readonly subject: string | null; readonly resource: string | null; readonly problem: string | null;
  readonly trace: string;
  readonly latency_us: string | null; readonly detail: string | null; readonly origin: string | null;
}

/** A fact as it stands in a sheet: its line, of which, with number, tenant and instant, its leaf is the hash. */
export interface StoredLine { readonly seq: bigint; readonly id: string; readonly tenant: string; readonly at: string; readonly line: string }
