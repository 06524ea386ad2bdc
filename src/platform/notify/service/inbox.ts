import type { z } from 'zod';
import { done, idOf, refuse, uuidOf, type Channel, type Language, type NoticeKind, type Outcome, type Tx, type Uuid } from '#kernel';
import { readProfile } from '#spine/identity';
import {
  INBOX_PAGE_MAX, linkOver, Noted, Opened, type TemplateTexts, type Inbox, type zInboxQuery, type zOfToken, type zSeen, type zUnseen,
} from '../contract.ts';
import { campaignTexts } from '../store/campaigns.ts';
import { templatesOf } from '../store/choices.ts';
import { countUnseen, inboxBefore, isOpenPush, markSeen, openInboxMessages, openPush, type InboxRow } from '../store/messages.ts';
import { personOf } from './addresses.ts';
import { NoticeKinds } from './kinds.ts';
import { readToken } from './links.ts';
import { renderAll, TemplateFault, type Values } from './render.ts';

const LAST = 'f'.repeat(32);

interface Texts { readonly own: ReadonlyMap<string, TemplateTexts>; readonly campaigns: ReadonlyMap<string, TemplateTexts> }

/** A notice that cannot be set in words is still shown: its kind's name says what it was about. */
function shown(row: InboxRow, kind: NoticeKind | undefined, language: Language, office: string, t: Texts): { title: string; body: string } {
  if (!kind) return { title: row.kind, body: '' };
  const texts = (row.campaign ? t.campaigns.get(row.campaign) : t.own.get(row.kind)) ?? kind.texts;
  try {
    const { title, body } = renderAll(language, texts[language], { ...JSON.parse(row.data) as Values, office });
    return { title, body };
  } catch (error) {
    if (!(error instanceof TemplateFault)) throw error;
    return { title: kind.texts[language].label, body: '' };
  }
}

/** The caller's notices, newest first. */
export async function inbox(tx: Tx, input: z.output<typeof zInboxQuery>): Promise<Outcome<Inbox>> {
  const person = personOf(tx);
  const before = input.query?.cursor ? uuidOf(input.query.cursor) : LAST;
  const rows = await inboxBefore(tx.sql, tx.tenant.id, person, before, INBOX_PAGE_MAX + 1);
  const page = rows.slice(0, INBOX_PAGE_MAX);
  const language = input.query?.language ?? (await readProfile(tx.section, person))?.language ?? 'en';
  const campaigns = [...new Set(page.flatMap((r) => r.campaign ?? []))];
  const texts: Texts = {
    own: new Map((await templatesOf(tx.sql, tx.tenant.id)).flatMap((r) => (r.texts ? [[r.kind, JSON.parse(r.texts) as TemplateTexts]] : []))),
    campaigns: new Map(campaigns.length ? (await campaignTexts(tx.sql, tx.tenant.id, campaigns)).map((r) =>
      [r.id as string, JSON.parse(r.texts) as TemplateTexts]) : []),
  };
  const kinds = tx.use(NoticeKinds);
  return done({
    notices: page.map((r) => ({ notice: idOf('ntc', r.id), kind: r.kind, ...shown(r, kinds.get(r.kind), language, tx.tenant.name, texts), link: r.link,
      at: r.created_at, seen: r.seen_at !== null })),
    unseen: await countUnseen(tx.sql, tx.tenant.id, person), next: rows.length > INBOX_PAGE_MAX ? idOf('ntc', (page.at(-1) as InboxRow).id) : null,
  });
}

export const unseen = async (tx: Tx): Promise<Outcome<z.output<typeof zUnseen>>> => done({ unseen: await countUnseen(tx.sql, tx.tenant.id, personOf(tx)) });

/** Says that a message was opened; by whoever moves it there, so once. */
export const tellOpened = (tx: Tx, m: { readonly notice: Uuid; readonly person: Uuid }, channel: Channel): void =>
  tx.emit(Opened, m.person, { person: m.person, notice: idOf('ntc', m.notice), channel });

/** A push message was opened: says the browser that showed it, by the link that came with it, signed in or not. */
export async function pushOpened(tx: Tx, input: z.output<typeof zOfToken>): Promise<Outcome<Record<string, never>>> {
  const [message] = readToken(tx, 'opened', input.params.token) ?? [];
  if (message === undefined) return refuse(linkOver);
  const now = await openPush(tx.sql, tx.tenant.id, message, tx.now);
  if (now) tellOpened(tx, now, 'push');
  return now || await isOpenPush(tx.sql, tx.tenant.id, message) ? done({}) : refuse(linkOver);
}

/** Marks notices of the caller, or all of them, as seen; their messages in the inbox are opened. */
export async function see(tx: Tx, input: z.output<typeof zSeen>): Promise<Outcome<z.output<typeof zUnseen>>> {
  const person = personOf(tx);
  const wanted = input.body?.notices;
  const ids: Uuid[] = await markSeen(tx.sql, tx.tenant.id, person, wanted ? wanted.map(uuidOf) : null, tx.now);
  if (ids.length) {
    for (const notice of await openInboxMessages(tx.sql, tx.tenant.id, ids, tx.now)) tellOpened(tx, { notice, person }, 'inbox');
    tx.emit(Noted, person, { person, notice: idOf('ntc', ids[0] as Uuid) });
  }
  return done({ unseen: await countUnseen(tx.sql, tx.tenant.id, person) });
}
