import type { z } from 'zod';
import { done, idOf, refuse, uuidOf, type Language, type NoticeKind, type Outcome, type Tx } from '#kernel';
import {
  COUNTED_MAX, kindUnknown, messageStates, messageUnknown, notDead, OFFICE_PAGE_MAX, SendMessage,
    templateWrong, type TemplateTexts,
  type zMessage, type zMessages, type zMessagesQuery, type zNothing, type zOfMessage, type zPreview, type zPreviewTemplate, type zProviders,
  type zSaveTemplate, type zTemplates,
} from '../contract.ts';
import { addTemplate, templatesOf } from '../store/choices.ts';
import { attemptsOf, lockMessage, messagesBefore, setMessage, stateCounts, type MessageRow } from '../store/messages.ts';
import { announcement, confirmation, NoticeKinds } from './kinds.ts';
import { priorityOf } from './notify.ts';
import { Pools } from './pool.ts';
import { faultOf, renderAll, type Values } from './render.ts';

const LAST = 'f'.repeat(32);
const head = (m: MessageRow): z.output<typeof zMessages>['messages'][number] => ({
  message: idOf('msg', m.id), notice: idOf('ntc', m.notice), kind: m.kind, channel: m.channel, lane: m.lane, state: m.state, reason: m.reason, person: m.person,
  attempts: m.attempts, provider: m.provider, notBefore: m.not_before, at: m.created_at,
});

/** Messages of this office, newest first, with how many are in which state. */
export async function listMessages(tx: Tx, input: z.output<typeof zMessagesQuery>): Promise<Outcome<z.output<typeof zMessages>>> {
  const q = input.query ?? {};
  const rows = await messagesBefore(tx.sql, tx.tenant.id, {
    state: q.state ?? null, person: q.person ?? null, trace: q.trace ?? null, before: q.cursor ? uuidOf(q.cursor) : LAST,
  }, OFFICE_PAGE_MAX + 1);
  const page = rows.slice(0, OFFICE_PAGE_MAX);
  return done({ messages: page.map(head), next: rows.length > OFFICE_PAGE_MAX ? idOf('msg', (page.at(-1) as MessageRow).id) : null,
    counts: await stateCounts(tx.sql, tx.tenant.id, messageStates, COUNTED_MAX) });
}

/** One message with every try, and why it stands where it stands. */
export async function showMessage(tx: Tx, input: z.output<typeof zOfMessage>): Promise<Outcome<z.output<typeof zMessage>>> {
  const id = uuidOf(input.params.message);
  const m = await lockMessage(tx.sql, tx.tenant.id, id);
  if (!m) return refuse(messageUnknown);
  tx.audit({ action: 'notify.looked', result: 'done', subject: m.person, resource: input.params.message });
  return done({ ...head(m), sentAt: m.sent_at, doneAt: m.done_at, expiresAt: m.notice_row.expires_at, trace: m.notice_row.trace,
    tries: await attemptsOf(tx.sql, tx.tenant.id, id) });
}

/** Tries a dead or refused message again, with a key of its own. */
export async function replayMessage(tx: Tx, input: z.output<typeof zOfMessage>): Promise<Outcome<z.output<typeof zNothing>>> {
  const id = uuidOf(input.params.message);
  const m = await lockMessage(tx.sql, tx.tenant.id, id);
  if (!m) return refuse(messageUnknown);
  if (m.state !== 'dead' && m.state !== 'refused') return refuse(notDead);
  await setMessage(tx.sql, tx.tenant.id, id, { state: 'waiting', reason: null });
  tx.later(SendMessage, { message: id }, { priority: priorityOf[m.lane] });
  tx.audit({ action: 'notify.replayed', result: 'done', subject: m.person, resource: input.params.message });
  return done({});
}

export async function providers(tx: Tx): Promise<Outcome<z.output<typeof zProviders>>> {
  const pools = tx.use(Pools);
  return done({ providers: (['text', 'email', 'push'] as const).flatMap((channel) => pools[channel].health().map((h) => ({ channel, ...h }))) });
}

/** Values by which a template is tried: as long as they may be. */
export const exampleOf = (kind: NoticeKind): Values => Object.fromEntries([['office', 'Office'], ...kind.values.map((name): [string, string] =>
  [name, name === 'currency' ? 'INR' : name === 'amount' ? '123456' : name === 'at' ? '2026-11-28T10:00:00Z' : name === 'zone' ? 'Asia/Kolkata' : '2026'])]);
const known = (kind: NoticeKind): string[] => ['office', ...kind.values];

/** The texts of every kind as this tenant sends them. */
export async function templates(tx: Tx): Promise<Outcome<z.output<typeof zTemplates>>> {
  const own = new Map((await templatesOf(tx.sql, tx.tenant.id)).map((t) => [t.kind, t]));
  const kinds = [...tx.use(NoticeKinds).values()].filter((k) => k !== announcement && k !== confirmation);
  return done({ templates: kinds.map((k) => {
    const t = own.get(k.name);
    const house = Object.fromEntries(Object.entries(k.texts).map(([language, { title, body, text }]) => [language, { title, body, text }])) as TemplateTexts;
    return { kind: k.name, doc: k.doc, values: known(k), version: t?.version ?? 0, texts: t?.texts ? JSON.parse(t.texts) as TemplateTexts : house,
      own: !!t?.texts };
  }) });
}

const kindOf = (tx: Tx, name: string): NoticeKind | undefined => tx.use(NoticeKinds).get(name);

/** What texts would look like, before anybody is sent them. */
export async function preview(tx: Tx, input: z.output<typeof zPreviewTemplate>): Promise<Outcome<z.output<typeof zPreview>>> {
  const kind = kindOf(tx, input.params.kind);
  if (!kind) return refuse(kindUnknown);
  const { texts } = input.body;
  const wrong = faultOf(texts, tx.tenant.languages as Language[], known(kind), exampleOf(kind));
  if (wrong) return refuse(templateWrong, { ...wrong });
  return done({ previews: (Object.keys(texts) as Language[]).map((language) => ({ language, ...renderAll(language, texts[language], exampleOf(kind)) })) });
}

/** Saves texts of a kind as a new version, which is used from the next message on; null goes back to the house's. */
export async function saveTemplate(tx: Tx, input: z.output<typeof zSaveTemplate>): Promise<Outcome<z.output<typeof zTemplates>>> {
  const kind = kindOf(tx, input.params.kind);
  if (!kind || kind === announcement || kind === confirmation) return refuse(kindUnknown);
  const { texts } = input.body;
  const wrong = texts && faultOf(texts, tx.tenant.languages as Language[], known(kind), exampleOf(kind));
  if (wrong) return refuse(templateWrong, { ...wrong });
  if (!('id' in tx.actor)) throw new Error('a template without an author');
  const version = await addTemplate(tx.sql, tx.tenant.id, tx.now, { kind: kind.name, texts: texts && JSON.stringify(texts), author: tx.actor.id });
  tx.audit({ action: 'notify.template', result: 'done', resource: kind.name, detail: { version, own: texts !== null } });
  return templates(tx);
}
