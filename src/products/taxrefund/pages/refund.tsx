import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { VNode } from 'preact';
import { civilDateIn, daysBetween, fill, page, type Outcome, type PageContext, type Rendered } from '#kernel';
import { Arithmetic, Badge, escaped, Facts, markup, narrow, Notice, Timeline, type Moment } from '#kit';
import { STATUS_TEXT, type ReturnStatus, type Status, type YearStatus } from '../contract.ts';
import { view } from '../routes.ts';
import type { Words } from '../words/en.ts';
import { amountText, dateText, lawText, meaningOf, said, sentenceAmount, statusText, timeText, wordsOf, yearText } from './parts.tsx';

interface Shown { readonly context: PageContext; readonly w: Words; readonly s: Status }

/** The answer in one sentence; when it would name something that is not known, the short form without it. */
export function answerText(context: PageContext, w: Words, s: Status): string {
  const text = statusText(w, s.code);
  const values: Record<string, string> = { date: dateText(context, s.answer.date) };
  if (s.answer.amount !== null) values.amount = sentenceAmount(context, s.answer.amount, s.currency);
  if (s.answer.deadline !== null) values.deadline = dateText(context, s.answer.deadline);
  const named = [...text.sentence.matchAll(/\{(\w+)\}/g)].map((m) => m[1] as string);
  return named.every((n) => n in values) ? fill(text.sentence, values) : text.short;
}

function Expected({ context, w, s }: Shown): VNode | null {
  if ('none' in s.expected) {
    // When there is nothing more to come, or it waits for the person, the sentences beside say so better.
    if (['paid', 'waits_for_you'].includes(s.expected.none)) return null;
    return <p class="quiet">{said(w.expected, s.expected.none, w.expected.none)}</p>;
  }
  const { from, to, percent, basis } = s.expected;
  const range = from === to
    ? fill(w.expected.single, { from: dateText(context, from) })
    : fill(w.expected.range, { from: dateText(context, from), to: dateText(context, to) });
  return (
    <>
      <p class="range"><span class="quiet">{w.expected.title}</span> <strong>{range}</strong></p>
      <p class="quiet small">{said(w.expected, basis, '')} {basis === 'cohort' && fill(w.expected.confidence, { percent })}</p>
    </>
  );
}

function DeadlineText({ context, w, s }: Shown): VNode | null {
  if (!s.deadline) return null;
  const left = daysBetween(civilDateIn(context.tenant.zone, context.now), s.deadline.date);
  const count = left === 0 ? w.deadline.today : fill(left === 1 ? w.deadline.leftOne : w.deadline.leftOther, { days: left });
  return (
    <>
      <p><strong>{fill(w.deadline.by, { date: dateText(context, s.deadline.date) })}</strong>{left >= 0 && ` (${count})`}</p>
      <p class="small">{left < 0 ? w.deadline.passed : fill(said(w.deadline, s.deadline.basis, ''), { days: s.deadline.days ?? 0 })}</p>
    </>
  );
}

function Blockers({ w, s }: Pick<Shown, 'w' | 's'>): VNode | null {
  if (!s.blockers.length || s.final) return null;
  const meaning = { ok: 'done', open: 'needs-you', unknown: 'waiting' } as const;
  return (
    <section>
      <h2>{w.blockers.title}</h2>
      <ul class="checks">
        {s.blockers.map((b) => {
          const text = (w.blockers as unknown as Record<string, { label: string; open: string }>)[b.kind];
          const state = b.state as 'ok' | 'open' | 'unknown';
          return (
            <li>
              <span>{text?.label ?? b.kind}</span>
              <Badge meaning={meaning[state]}>{w.blockers[state]}</Badge>
              {state === 'open' && <p class="quiet small">{text?.open}</p>}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Sum({ context, w, s }: Shown): VNode {
  return (
    <section>
      <h2>{w.arithmetic.title}</h2>
      <Arithmetic caption={w.arithmetic.title} rows={s.arithmetic.rows.map((r) => ({
        label: r.name === 'adjusted' && s.demandYear !== null ? fill(w.arithmetic.adjustedFor, { year: s.demandYear }) : said(w.arithmetic, r.name, r.name),
        amount: r.amount === null ? w.arithmetic.unknown : amountText(context, r.amount, s.currency), result: r.sum,
      }))} />
      {s.arithmetic.unexplained !== 0n && <p class="error">{w.arithmetic.unexplained}</p>}
    </section>
  );
}

function moments({ context, w, s }: Shown): Moment[] {
  const present = s.timeline.findLastIndex((t) => t.code === s.code && t.note === undefined);
  const list = s.timeline.map((t, i): Moment => {
    const source = fill(w.timeline.reportedBy, { source: said(w.sources, t.source, w.sources.other) });
    return {
      title: statusText(w, t.code).label, when: timeText(context, t.occurredAt),
        ...(i === present ? { place: 'now', word: w.timeline.now } : { place: 'past' }),
      detail: <>{source}{t.note && `. ${fill(said(w.timeline, t.note, ''), { code: t.code })}`}</>,
    };
  });
  if (!('none' in s.expected)) {
    const { from, to } = s.expected;
    const when = fill(w.expected.range, { from: dateText(context, from), to: dateText(context, to) });
    list.push({ title: w.phases.paid, when, place: 'expected', word: w.timeline.expected, detail: said(w.expected, s.expected.basis, '') });
  }
  return list;
}

function details({ w, s }: Shown): { label: string; value: VNode | string }[] {
  const rows: { label: string; value: VNode | string }[] = [{ label: w.refund.whoActs, value: said(w.actors, s.owner, s.owner) }];
  if (s.account !== null) rows.push({ label: w.refund.account, value: s.account });
  if (s.trackingNo !== null) rows.push({ label: w.refund.reference, value: s.trackingNo });
  if (s.noticeNo !== null) rows.push({ label: w.refund.notice, value: s.noticeNo });
  if (s.formType !== null) rows.push({ label: fill(w.office.form, { form: s.formType }), value: said(w.forms, s.formType, s.formType) });
  if (s.law !== null) {
    const unchecked = s.law.checked === 'recheck' && <span class="note small"> ({w.refund.lawUnchecked})</span>;
    rows.push({ label: w.refund.law, value: <>{lawText(w, s.law)}{unchecked}</> });
  }
  return rows;
}

const returnName = (w: Words, s: Status): string => (s.returnNo > 1 ? fill(w.office.revisedReturn, { number: s.returnNo }) : w.office.originalReturn);

function YourPart({ context, w, s }: Shown): VNode {
  const mine = s.owner === 'you';
  return (
    <section class={mine ? 'notice needs-you' : ''}>
      <h2 class={mine ? 'flat' : ''}>{w.refund.yourPart}</h2>
      <p>{statusText(w, s.code).action}</p>
      <DeadlineText context={context} w={w} s={s} />
    </section>
  );
}

/** One return: the answer, what happens next, what the person can do, then the detail. */
function Story({ context, w, s, eyebrow }: Shown & { eyebrow: string | null }): VNode {
  const text = statusText(w, s.code);
  const shown = { context, w, s };
  return (
    <>
      {eyebrow !== null && <p class="eyebrow">{eyebrow}</p>}
      {eyebrow !== null ? <h1>{answerText(context, w, s)}</h1> : <p class="lead">{answerText(context, w, s)}</p>}
      <p class="state">
        <Badge meaning={meaningOf(s.phase)}>{text.label}</Badge>{' '}
        <span class="quiet">{fill(w.refund.since, { date: dateText(context, s.answer.date) })}</span>
      </p>
      {s.conflict && <Notice meaning="waiting" title={w.timeline.conflict}><p>{w.refund.conflict}</p></Notice>}
      {s.unmapped && <Notice meaning="waiting" title={w.status.UNMAPPED.label}><p>{w.refund.unmapped}</p></Notice>}
      <section><h2>{w.refund.next}</h2><p>{text.meaning}</p><Expected {...shown} /></section>
      <YourPart {...shown} />
      <section>
        <h2>{w.refund.why}</h2>
        <p>{s.reasonCode === null ? text.reason : said(w.reasons, s.reasonCode, w.reasons.other)}</p>
        <Facts rows={details(shown)} />
      </section>
      <Sum {...shown} />
      <Blockers w={w} s={s} />
      <section><h2>{w.timeline.title}</h2><Timeline label={w.timeline.title} moments={moments(shown)} /></section>
    </>
  );
}

/** Markup of returns, in bytes. It names no person, and the account's digits are put in later. */
const STORIES_KEPT_MAX = 64 * 1024 * 1024;
/**
 * A story is of one return as it stood on a day: of its text, by a digest. Where timeline and expectation are the very ones, the text need not be looked at:
 * the one is made anew with each reading of the database, the other with each day.
 */
interface Kept { timeline: Status['timeline']; expected: Status['expected']; readonly of: string; readonly before: string; readonly after: string;
  readonly bytes: number }
const stories = new LRUCache<string, Kept>({ maxSize: STORIES_KEPT_MAX, sizeCalculation: (kept) => kept.bytes });
/** Stands where the account's digits go: a character that no text holds. */
const ACCOUNT = '\uE000';

function storyOf({ context, w, s, eyebrow }: Shown & { eyebrow: string | null }): Kept {
  const today = civilDateIn(context.tenant.zone, context.now);
  const { timeline, expected } = s;
  const name = `${context.tenant.id} ${s.refund} ${context.language} ${today} ${s.account === null} ${eyebrow}`;
  let kept = stories.get(name);
  if (kept?.timeline === timeline && kept.expected === expected) return kept;
  const of = hash('sha256', (s as ReturnStatus)[STATUS_TEXT], 'base64');
  if (kept?.of === of) return Object.assign(kept, { timeline, expected });
  const story = <Story context={context} w={w} s={{ ...s, account: s.account === null ? null : ACCOUNT }} eyebrow={eyebrow} />;
  const [before = '', after = ''] = markup(story).split(ACCOUNT).map((part) => narrow(context.language, part));
  kept = { timeline, expected, of, before, after, bytes: (before.length + after.length) * (context.language === 'en' ? 1 : 2) };
  stories.set(name, kept);
  return kept;
}

function Return(shown: Shown & { eyebrow: string | null }): VNode {
  const { context, s } = shown;
  const { before, after } = storyOf(shown);
  const whole = `${before}${s.account === null ? '' : escaped(context.language, s.account)}${after}`;
  return <article data-refund={s.refund} data-version={s.version} dangerouslySetInnerHTML={{ __html: whole }} />;
}

function Freshness({ context, w, y }: { context: PageContext; w: Words; y: YearStatus }): VNode {
  const sources = Object.entries(y.returns[0]?.freshness ?? {});
  const line = ([source, at]: [string, Date]): string => fill(w.freshness.source,
    { source: said(w.sources, source, w.sources.other), time: timeText(context, at) });
  return (
    <details>
      <summary>{fill(w.freshness.asOf, { time: timeText(context, y.asOf) })}</summary>
      <ul>{sources.map((source) => <li>{line(source)}</li>)}</ul>
    </details>
  );
}

export function refundView(context: PageContext, outcome: Outcome<YearStatus>): Rendered {
  const w = wordsOf(context);
  const back = <p class="back"><a href={`${context.base}/tax-refunds`}>{w.refund.allYears}</a></p>;
  if (!outcome.ok) return { title: w.refund.title, body: <><h1>{w.refund.title}</h1><p class="lead">{w.refund.none}</p>{back}</> };
  const y = outcome.value;
  const [newest, ...older] = y.returns;
  const title = fill(w.refund.pageTitle, { year: yearText(w, y.label) });
  const replaces = newest?.revisedReturnOf == null ? '' : `. ${fill(w.office.replaces, { number: newest.revisedReturnOf })}`;
  const stale = y.staleSeconds !== null && fill(w.banner.stale, { time: timeText(context, new Date(context.now.getTime() - y.staleSeconds * 1000)) });
  return {
    title, islands: ['refund-live'], refreshSeconds: 300,
    body: (
      <>
        <div class="live" aria-live="polite" data-changes={`${context.base}/tax-refunds/changes`} data-stale={stale !== false}>
          {stale && <Notice meaning="waiting" title={stale} />}
          {newest && <Return context={context} w={w} s={newest} eyebrow={`${title}. ${returnName(w, newest)}${replaces}`} />}
        </div>
        {older.map((s) => (
          <details class="older">
            <summary>{`${returnName(w, s)}: ${statusText(w, s.code).label}`}</summary>
            <Return context={context} w={w} s={s} eyebrow={null} />
          </details>
        ))}
        <Freshness context={context} w={w} y={y} />
        {back}
      </>
    ),
  };
}

export const refundPage = page<YearStatus>('GET /tax-refunds/:year', { route: view, view: refundView });
