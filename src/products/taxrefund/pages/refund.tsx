import type { VNode } from 'preact';
import { civilDateIn, daysBetween, fill, page, type Outcome, type PageContext, type Rendered } from '#kernel';
import { Arithmetic, Badge, Facts, Notice, Timeline, type Moment } from '#kit';
import type { Status, YearStatus } from '../contract.ts';
import { view } from '../routes.ts';
import type { Words } from '../words/en.ts';
import { amountText, dateText, meaningOf, said, statusText, timeText, wordsOf, yearText } from './parts.tsx';

/** The answer in one sentence; when it would name something that is not known, the short form without it. */
export function answerText(context: PageContext, w: Words, s: Status): string {
  const text = statusText(w, s.code);
  const values: Record<string, string> = { date: dateText(context, s.answer.date) };
  if (s.answer.amount !== null) values.amount = amountText(context, s.answer.amount, s.currency);
  if (s.answer.deadline !== null) values.deadline = dateText(context, s.answer.deadline);
  const named = [...text.sentence.matchAll(/\{(\w+)\}/g)].map((m) => m[1] as string);
  return named.every((n) => n in values) ? fill(text.sentence, values) : text.short;
}

function Expected({ context, w, s }: { context: PageContext; w: Words; s: Status }): VNode {
  if ('none' in s.expected) return <p>{said(w.expected, s.expected.none, w.expected.none)}</p>;
  const { from, to, percent, basis } = s.expected;
  const range = from === to ? fill(w.expected.single, { from: dateText(context, from) }) : fill(w.expected.range, { from: dateText(context, from), to: dateText(context, to) });
  return (
    <>
      <p><strong>{range}</strong></p>
      <p class="quiet small">{said(w.expected, basis, '')} {basis === 'cohort' && fill(w.expected.confidence, { percent })}</p>
    </>
  );
}

function DeadlineText({ context, w, s }: { context: PageContext; w: Words; s: Status }): VNode | null {
  if (!s.deadline) return null;
  const left = daysBetween(civilDateIn(context.tenant.zone, context.now), s.deadline.date);
  const count = left < 0 ? w.deadline.passed : left === 0 ? w.deadline.today : fill(left === 1 ? w.deadline.leftOne : w.deadline.leftOther, { days: left });
  return (
    <p>
      <strong>{fill(w.deadline.by, { date: dateText(context, s.deadline.date) })}</strong>{' '}
      <span>{count}.</span>{' '}
      <span class="quiet small">{fill(said(w.deadline, s.deadline.basis, ''), { days: s.deadline.days ?? 0 })}</span>
    </p>
  );
}

function Blockers({ w, s }: { w: Words; s: Status }): VNode | null {
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
              <Badge meaning={meaning[state]}>{w.blockers[state]}</Badge> <span>{text?.label ?? b.kind}</span>
              {state === 'open' && <p class="quiet small">{text?.open}</p>}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Sum({ context, w, s }: { context: PageContext; w: Words; s: Status }): VNode {
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

function moments(context: PageContext, w: Words, s: Status): Moment[] {
  const list = s.timeline.map((t, i): Moment => {
    const now = t.code === s.code && i === s.timeline.findLastIndex((x) => x.code === s.code && x.note === undefined);
    const source = fill(w.timeline.reportedBy, { source: said(w.sources, t.source, w.sources.other) });
    return {
      title: statusText(w, t.code).label, when: timeText(context, t.occurredAt), place: now ? 'now' : 'past', ...(now ? { word: w.timeline.now } : {}),
      detail: <>{source}{t.note && `. ${fill(said(w.timeline, t.note, ''), { code: t.code })}`}</>,
    };
  });
  if (!('none' in s.expected)) {
    const { from, to } = s.expected;
    list.push({ title: w.phases.paid, when: fill(w.expected.range, { from: dateText(context, from), to: dateText(context, to) }), place: 'expected', word: w.timeline.expected });
  }
  return list;
}

function details(context: PageContext, w: Words, s: Status): { label: string; value: VNode | string }[] {
  const rows: { label: string; value: VNode | string }[] = [
    { label: w.refund.whoActs, value: said(w.actors, s.owner, s.owner) },
  ];
  if (s.reasonCode !== null) rows.push({ label: w.refund.why, value: said(w.reasons, s.reasonCode, w.reasons.other) });
  if (s.account !== null) rows.push({ label: w.refund.account, value: s.account });
  if (s.trackingNo !== null) rows.push({ label: w.refund.reference, value: s.trackingNo });
  if (s.noticeNo !== null) rows.push({ label: w.refund.notice, value: s.noticeNo });
  if (s.formType !== null) rows.push({ label: fill(w.office.form, { form: s.formType }), value: said(w.forms, s.formType, s.formType) });
  if (s.law !== null) {
    const text = fill(w.refund.lawSection, { act: said(w.regimes, s.law.regime, s.law.regime), section: s.law.section });
    rows.push({ label: w.refund.law, value: <>{text}{s.law.checked === 'recheck' && <span class="note small"> ({w.refund.lawUnchecked})</span>}</> });
  }
  return rows;
}

function Return({ context, w, s, first }: { context: PageContext; w: Words; s: Status; first: boolean }): VNode {
  const text = statusText(w, s.code);
  const mine = s.owner === 'you';
  return (
    <article data-refund={s.refund} data-version={s.version}>
      <p class="eyebrow">{s.returnNo > 1 ? fill(w.office.revisedReturn, { number: s.returnNo }) : w.office.originalReturn}{s.revisedReturnOf !== null && `. ${fill(w.office.replaces, { number: s.revisedReturnOf })}`}</p>
      {first ? <h1>{answerText(context, w, s)}</h1> : <h2>{answerText(context, w, s)}</h2>}
      <p><Badge meaning={meaningOf(s.phase)}>{text.label}</Badge> <span class="quiet">{fill(w.refund.since, { date: dateText(context, s.answer.date) })}</span></p>
      {s.conflict && <Notice meaning="waiting" title={w.timeline.conflict}><p>{w.refund.conflict}</p></Notice>}
      {s.unmapped && <Notice meaning="waiting" title={w.status.UNMAPPED.label}><p>{w.refund.unmapped}</p></Notice>}
      <p class="lead">{text.meaning}</p>
      {mine && <section class="notice needs-you"><h2 class="flat">{w.refund.yourPart}</h2><p>{text.action}</p><DeadlineText context={context} w={w} s={s} /></section>}
      {!mine && <section><h2>{w.refund.yourPart}</h2><p>{text.action}</p><DeadlineText context={context} w={w} s={s} /></section>}
      <section><h2>{w.expected.title}</h2><Expected context={context} w={w} s={s} /></section>
      <section><h2>{w.refund.why}</h2><p>{text.reason}</p><Facts rows={details(context, w, s)} /></section>
      <Blockers w={w} s={s} />
      <Sum context={context} w={w} s={s} />
      <section><h2>{w.timeline.title}</h2><Timeline label={w.timeline.title} moments={moments(context, w, s)} /></section>
    </article>
  );
}

function Freshness({ context, w, y }: { context: PageContext; w: Words; y: YearStatus }): VNode {
  const sources = Object.entries(y.returns[0]?.freshness ?? {});
  return (
    <details>
      <summary>{fill(w.freshness.asOf, { time: timeText(context, y.asOf) })}</summary>
      <ul>{sources.map(([source, at]) => <li>{fill(w.freshness.source, { source: said(w.sources, source, w.sources.other), time: timeText(context, at) })}</li>)}</ul>
    </details>
  );
}

export function refundView(context: PageContext, outcome: Outcome<YearStatus>): Rendered {
  const w = wordsOf(context);
  const back = <p><a href={`${context.base}/tax-refunds`}>{w.refund.allYears}</a></p>;
  if (!outcome.ok) return { title: w.refund.title, body: <><h1>{w.refund.title}</h1><p class="lead">{w.refund.none}</p>{back}</> };
  const y = outcome.value;
  const [newest, ...older] = y.returns;
  const title = fill(w.refund.pageTitle, { year: yearText(w, y.label) });
  return {
    title, islands: ['refund-live'], refreshSeconds: 300,
    body: (
      <>
        {y.staleSeconds !== null && (
          <Notice meaning="waiting" title={fill(w.banner.stale, { time: timeText(context, new Date(context.now.getTime() - y.staleSeconds * 1000)) })} />
        )}
        <p class="eyebrow">{title}</p>
        <div class="live" aria-live="polite" data-changes={`${context.base}/tax-refunds/changes`} data-changed={w.refund.updated}>
          {newest && <Return context={context} w={w} s={newest} first />}
        </div>
        {older.map((s) => <details><summary>{s.returnNo > 1 ? fill(w.office.revisedReturn, { number: s.returnNo }) : w.office.originalReturn}: {statusText(w, s.code).label}</summary><Return context={context} w={w} s={s} first={false} /></details>)}
        <Freshness context={context} w={w} y={y} />
        {back}
      </>
    ),
  };
}

export const refundPage = page<YearStatus>('GET /tax-refunds/:year', { route: view, view: refundView });
