import type { z } from 'zod';
import { done, handle, idOf, refuse, uuidOf, type JobHandler, type Language, type Outcome, type Refused, type Tx, type Uuid } from '#kernel';
import {
  AUDIENCE_COUNTED_MAX, campaignChanged, campaignFull, campaignOver, CAMPAIGN_PEOPLE_MAX, CAMPAIGN_STEP_MAX, campaignState, CAMPAIGNS_PAGE_MAX,
  campaignUnknown, kindUnknown, SendMessage, SPREAD_AHEAD_MS, SpreadCampaign, templateWrong, type Audience, type CampaignState, type TemplateTexts,
  type zAddPeople, type zBeginCampaign, type zCampaign, type zCampaigns, type zCampaignShown, type zCampaignsQuery, type zChangeCampaign,
  type zDiscardCampaign, type zOfCampaign, type zPreview, type zPreviewCampaign, type zStartCampaign,
} from '../contract.ts';
import { campaignMachine, placeOf, progressOf } from '../rules.ts';
import {
  campaignOf, campaignsBefore, countMessages, countTold, deleteCampaign, growCampaign, heldOf, insertCampaign, letGo, lockCampaign, rewriteCampaign, sweep,
  toldAfter, turnCampaign, type CampaignRow, type CountRow,
} from '../store/campaigns.ts';
import { announcement, NoticeKinds } from './kinds.ts';
import { notifyAll, priorityOf } from './notify.ts';
import { kindsOf } from './preferences.ts';
import { faultOf, renderAll } from './render.ts';

type Shown = z.output<typeof zCampaign>;
const LAST = 'f'.repeat(32);
const FIRST = '0'.repeat(32);
const ANY_KIND = '*';

const languagesOf = (tx: Tx): Language[] => tx.tenant.languages as Language[];
/** An announcement knows nothing of whom it reaches. */
const faultIn = (tx: Tx, texts: TemplateTexts): ReturnType<typeof faultOf> => faultOf(texts, languagesOf(tx), ['office'], { office: tx.tenant.name });
const later = (a: Date, b: Date): Date => (a > b ? a : b);
const audienceOf = (c: Pick<CampaignRow, 'audience'>): Audience | null => (c.audience === null ? null : JSON.parse(c.audience) as Audience);
/** Whatever persons can be told of is any kind; what only contacts are told is not. */
const toldOf = (tx: Tx, told: string): string[] => (told === ANY_KIND ? kindsOf(tx).map((k) => k.name) : [told]);

function head(tx: Tx, c: CampaignRow): Shown {
  const from = c.state === 'draft' ? tx.now : later(c.next_at, tx.now);
  const left = c.gathered ? 0 : Math.max(0, c.wanted - c.people);
  return { campaign: idOf('cmp', c.id), state: c.state, perMinute: c.per_minute, people: c.people, wanted: Math.max(c.wanted, c.people),
    version: c.turn, lastAt: c.people === 0 ? null : placeOf(c.next_at, -1, c.per_minute),
    endsAt: c.state === 'running' ? placeOf(from, left, c.per_minute) : null,
    expiresAt: c.expires_at, at: c.created_at };
}
/** With how far it is; one that found everybody and has nothing left to send is done. */
function seen(tx: Tx, c: CampaignRow, counts: readonly CountRow[]): Shown & { progress: ReturnType<typeof progressOf> } {
  const [shown, progress] = [head(tx, c), progressOf(counts)];
  const over = c.state === 'running' && c.gathered && c.people > 0 && progress.waiting + progress.delayed === 0;
  return { ...shown, ...(over ? { state: 'done', endsAt: null } : {}), progress };
}

/** Announcements of this office, newest first, and how far each is. */
export async function listCampaigns(tx: Tx, input: z.output<typeof zCampaignsQuery>): Promise<Outcome<z.output<typeof zCampaigns>>> {
  const rows = await campaignsBefore(tx.sql, tx.tenant.id, input.query?.cursor ? uuidOf(input.query.cursor) : LAST, CAMPAIGNS_PAGE_MAX + 1);
  const page = rows.slice(0, CAMPAIGNS_PAGE_MAX);
  const counts = Map.groupBy(page.length ? await countMessages(tx.sql, tx.tenant.id, page.map((c) => c.id)) : [], (r) => r.campaign);
  return done({
    campaigns: page.map((c) => ({ ...seen(tx, c, counts.get(c.id) ?? []), titles: Object.fromEntries(
      Object.entries(JSON.parse(c.texts) as TemplateTexts).map(([language, { title }]) => [language, title])) })),
    next: rows.length > page.length ? idOf('cmp', (page.at(-1) as CampaignRow).id) : null,
  });
}

/** One announcement with its words, and how many messages stand where and why. */
export async function showCampaign(tx: Tx, input: z.output<typeof zOfCampaign>): Promise<Outcome<z.output<typeof zCampaignShown>>> {
  const c = await campaignOf(tx.sql, tx.tenant.id, uuidOf(input.params.campaign));
  if (!c) return refuse(campaignUnknown);
  const counts = await countMessages(tx.sql, tx.tenant.id, [c.id]);
  const audience = audienceOf(c);
  return done({ ...seen(tx, c, counts), texts: JSON.parse(c.texts) as TemplateTexts, told: audience && 'told' in audience ? audience.told : null,
    persons: audience && 'persons' in audience && c.state === 'draft' ? audience.persons : null,
    reasons: counts.map(({ state, reason, count }) => ({ state, reason, count })) });
}

/** What an announcement would look like, before anybody is sent it. */
export async function previewCampaign(tx: Tx, input: z.output<typeof zPreviewCampaign>): Promise<Outcome<z.output<typeof zPreview>>> {
  const { texts } = input.body;
  const wrong = faultIn(tx, texts);
  if (wrong) return refuse(templateWrong, { ...wrong });
  return done({ previews: languagesOf(tx).map((language) => ({ language, ...renderAll(language, texts[language], { office: tx.tenant.name }) })) });
}

const wantedBy = async (tx: Tx, audience: Audience): Promise<number> => ('persons' in audience ? new Set(audience.persons).size
  : countTold(tx.sql, tx.tenant.id, toldOf(tx, audience.told), AUDIENCE_COUNTED_MAX));

type Settings = Omit<z.output<typeof zStartCampaign>['body'], 'draft'>;
type Written = Pick<CampaignRow, 'texts' | 'per_minute' | 'audience' | 'gathered' | 'wanted' | 'expires_at'>;
/** Why an announcement cannot be like this, or undefined. */
function unfit(tx: Tx, { texts, audience, expiresAt }: Settings): Refused | undefined {
  const wrong = faultIn(tx, texts);
  if (wrong) return refuse(templateWrong, { ...wrong });
  if (audience && 'told' in audience && audience.told !== ANY_KIND && !tx.use(NoticeKinds).has(audience.told)) return refuse(kindUnknown);
  return expiresAt && expiresAt <= tx.now ? refuse(campaignOver) : undefined;
}
const written = async (tx: Tx, { texts, perMinute, audience, expiresAt }: Settings): Promise<Written> => ({
  texts: JSON.stringify(texts), per_minute: perMinute, audience: audience ? JSON.stringify(audience) : null, gathered: !audience,
  wanted: audience ? await wantedBy(tx, audience) : 0, expires_at: expiresAt ?? null });

/** Writes an announcement, and begins it unless it is a draft. It finds its audience by itself; others are added in steps. */
export async function startCampaign(tx: Tx, input: z.output<typeof zStartCampaign>): Promise<Outcome<Shown>> {
  const { perMinute, audience, draft } = input.body;
  const wrong = unfit(tx, input.body);
  if (wrong) return wrong;
  const id = tx.uuid();
  const state: CampaignState = draft ? 'draft' : 'running';
  const row = { id, state, ...await written(tx, input.body) };
  await insertCampaign(tx.sql, tx.tenant.id, tx.now, row);
  if (state === 'running' && audience) tx.later(SpreadCampaign, { campaign: id, turn: 0 });
  tx.audit({ action: 'notify.campaign', result: 'done', resource: idOf('cmp', id), detail: { perMinute, state } });
  return done(head(tx, { ...row, people: 0, next_at: tx.now, created_at: tx.now, gathered_to: null, turn: 0 }));
}

/** Locks a draft as the caller saw it; whatever else it is by now is refused. */
async function draftOf(tx: Tx, input: z.output<typeof zDiscardCampaign>): Promise<{ draft: CampaignRow } | { not: Refused }> {
  const c = await lockCampaign(tx.sql, tx.tenant.id, uuidOf(input.params.campaign));
  if (!c) return { not: refuse(campaignUnknown) };
  if (c.state !== 'draft') return { not: refuse(campaignState, { state: c.state }) };
  return c.turn === input.body.version ? { draft: c } : { not: refuse(campaignChanged, { version: c.turn }) };
}

/** Writes a draft anew, as it would have been written first. */
export async function changeCampaign(tx: Tx, input: z.output<typeof zChangeCampaign>): Promise<Outcome<Shown>> {
  const found = await draftOf(tx, input);
  if ('not' in found) return found.not;
  const wrong = unfit(tx, input.body);
  if (wrong) return wrong;
  const next = { ...found.draft, ...await written(tx, input.body), turn: found.draft.turn + 1 };
  await rewriteCampaign(tx.sql, tx.tenant.id, next);
  tx.audit({ action: 'notify.campaign', result: 'done', resource: input.params.campaign, detail: { perMinute: next.per_minute, version: next.turn } });
  return done(head(tx, next));
}

/** Throws a draft away. Nobody was told of it, so nothing of it is left but the facts of who wrote it. */
export async function discardCampaign(tx: Tx, input: z.output<typeof zDiscardCampaign>): Promise<Outcome<Record<string, never>>> {
  const found = await draftOf(tx, input);
  if ('not' in found) return found.not;
  await deleteCampaign(tx.sql, tx.tenant.id, found.draft.id);
  tx.audit({ action: 'notify.campaign', result: 'done', resource: input.params.campaign, detail: { state: 'discarded' } });
  return done({});
}

/** Moves a campaign from one of some states to another; what there is to do then is a job's. */
const turnTo = (to: CampaignState, from: readonly CampaignState[]) => async (tx: Tx, input: z.output<typeof zBeginCampaign>): Promise<Outcome<Shown>> => {
  const id = uuidOf(input.params.campaign);
  const c = await lockCampaign(tx.sql, tx.tenant.id, id);
  if (!c) return refuse(campaignUnknown);
  if (!from.includes(c.state) || !campaignMachine.can(c.state, to)) return refuse(campaignState, { state: c.state });
  if (input.body?.version !== undefined && input.body.version !== c.turn) return refuse(campaignChanged, { version: c.turn });
  if (to === 'running' && c.expires_at && c.expires_at <= tx.now) return refuse(campaignOver);
  await turnCampaign(tx.sql, tx.tenant.id, id, to);
  if (to !== 'paused') tx.later(SpreadCampaign, { campaign: id, turn: c.turn + 1 });
  tx.audit({ action: 'notify.campaign', result: 'done', resource: input.params.campaign, detail: { state: to } });
  return done(head(tx, { ...c, state: to, turn: c.turn + 1 }));
};
export const beginCampaign = turnTo('running', ['draft']);
export const pauseCampaign = turnTo('paused', ['running']);
export const resumeCampaign = turnTo('running', ['paused']);
export const stopCampaign = turnTo('stopped', ['draft', 'running', 'paused']);

/** Gives people the next places of a campaign's line, and makes their messages; resolves to the line's new end and how many were new. */
async function place(tx: Tx, c: CampaignRow, persons: readonly string[]): Promise<{ next: Date; added: number }> {
  const from = later(c.next_at, tx.now);
  const added = await notifyAll(tx.section, tx, announcement, persons.map((person, i) => ({ person: person as Uuid, dedupe: c.id, data: {}, campaign: c.id,
    at: placeOf(from, i, c.per_minute), until: c.expires_at ?? undefined })));
  return { next: placeOf(from, persons.length, c.per_minute), added };
}

export async function addPeople(tx: Tx, input: z.output<typeof zAddPeople>): Promise<Outcome<Shown>> {
  const id = uuidOf(input.params.campaign);
  const c = await lockCampaign(tx.sql, tx.tenant.id, id);
  if (!c) return refuse(campaignUnknown);
  if (c.state !== 'running' && c.state !== 'paused') return refuse(campaignState, { state: c.state });
  const { persons } = input.body;
  if (c.people + persons.length > CAMPAIGN_PEOPLE_MAX) return refuse(campaignFull);
  const { next, added } = await place(tx, c, persons);
  const grown = { ...c, people: c.people + added, next_at: next };
  await growCampaign(tx.sql, tx.tenant.id, id, grown);
  tx.audit({ action: 'notify.campaign', result: 'done', resource: input.params.campaign, detail: { added } });
  return done(head(tx, grown));
}

/** The next people whom a campaign finds, and up to whom it has looked; null at the end. */
async function nextPeople(tx: Tx, c: CampaignRow): Promise<{ persons: readonly string[]; to: Uuid | null }> {
  const audience = audienceOf(c) as Audience;
  if ('persons' in audience) return { persons: [...new Set(audience.persons)].toSorted(), to: null };
  const room = Math.min(CAMPAIGN_STEP_MAX, CAMPAIGN_PEOPLE_MAX - c.people);
  const persons = room > 0 ? await toldAfter(tx.sql, tx.tenant.id, toldOf(tx, audience.told), c.gathered_to ?? FIRST, room) : [];
  return { persons, to: persons.length === CAMPAIGN_STEP_MAX ? persons.at(-1) as Uuid : null };
}

/** Puts what was held back to the end of the line, a person's messages at one place; resolves to the line's new end, undefined where nothing was held. */
async function release(tx: Tx, c: CampaignRow): Promise<Date | undefined> {
  const held = await heldOf(tx.sql, tx.tenant.id, c.id, CAMPAIGN_STEP_MAX);
  if (!held.length) return undefined;
  const from = later(c.next_at, tx.now);
  const notices = [...new Set(held.map((m) => m.notice))];
  const placed = held.map((m) => ({ ...m, at: placeOf(from, notices.indexOf(m.notice), c.per_minute) }));
  await letGo(tx.sql, tx.tenant.id, placed.map((m) => ({ ...m, until: c.expires_at ?? new Date(m.at.getTime() + announcement.lifeMs) })));
  for (const m of placed) tx.later(SendMessage, { message: m.id }, { runAt: m.at, priority: priorityOf[announcement.lane] });
  return placeOf(from, notices.length, c.per_minute);
}

/**
 * One step of a campaign: what was held goes first, then the next people, never further ahead of the line than SPREAD_AHEAD_MS. A step of an
 * earlier turn does nothing. One that is stopped ends its messages; those that somebody works on just now end themselves.
 */
export const spread: JobHandler = handle(SpreadCampaign, async (tx, { campaign, turn }) => {
  const c = await lockCampaign(tx.sql, tx.tenant.id, campaign);
  if (!c || c.turn !== turn) return;
  const again = (runAt?: Date): void => tx.later(SpreadCampaign, { campaign, turn }, runAt ? { runAt } : {});
  if (c.state === 'stopped') {
    if (await sweep(tx.sql, tx.tenant.id, c.id, tx.now, CAMPAIGN_STEP_MAX) === CAMPAIGN_STEP_MAX) again();
    return;
  }
  if (c.state !== 'running') return;
  const next = await release(tx, c);
  if (next) {
    await growCampaign(tx.sql, tx.tenant.id, c.id, { ...c, next_at: next });
    return again();
  }
  if (c.gathered) return;
  const due = c.next_at.getTime() - SPREAD_AHEAD_MS;
  if (due > tx.now.getTime()) return again(new Date(due));
  const { persons, to } = await nextPeople(tx, c);
  const { next: end, added } = await place(tx, c, persons);
  await growCampaign(tx.sql, tx.tenant.id, c.id, { ...c, people: c.people + added, next_at: end, gathered: to === null, gathered_to: to });
  if (to !== null) again();
});
