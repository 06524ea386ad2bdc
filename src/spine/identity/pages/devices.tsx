import type { VNode } from 'preact';
import type { z } from 'zod';
import { done, fill, form, formatInstant, localeOf, page, type Outcome, type PageContext, type Rendered } from '#kernel';
import { Badge, Hidden } from '#kit';
import type { zSessions } from '../contract.ts';
import { endOne, sessions } from '../routes.ts';
import { en } from '../words/en.ts';
import { hi } from '../words/hi.ts';

type Sessions = z.output<typeof zSessions>;
const wordsOf = (context: PageContext): typeof en.devices => (context.language === 'hi' ? hi as unknown as typeof en : en).devices;

function Device({ context, s }: { context: PageContext; s: Sessions['sessions'][number] }): VNode {
  const w = wordsOf(context);
  const time = (at: Date): string => formatInstant(at, localeOf(context.language), context.tenant.zone);
  return (
    <li class="card">
      <p class="what"><strong>{fill(w.since, { time: time(s.startedAt) })}</strong></p>
      <p class="state">
        {s.current && <><Badge meaning="done">{w.current}</Badge>{' '}</>}
        <span class="quiet">{fill(w.ends, { time: time(s.endsAt) })}</span>
      </p>
      {!s.current && (
        <form method="post" action={`${context.base}/devices/${s.session}/end`} class="inline">
          <Hidden context={context} />
          <button type="submit" class="second">{w.end}</button>
        </form>
      )}
    </li>
  );
}

function devicesView(context: PageContext, outcome: Outcome<Sessions> | undefined): Rendered {
  const w = wordsOf(context);
  const list = outcome?.ok ? outcome.value.sessions : [];
  return {
    title: w.title,
    body: (
      <>
        <h1>{w.title}</h1>
        <p class="lead">{outcome === undefined ? w.gone : list.length > 1 ? w.lead : w.only}</p>
        <ul class="cards">{list.map((s) => <Device context={context} s={s} />)}</ul>
        <p class="back">{outcome === undefined ? <a href={`${context.base}/devices`}>{w.again}</a> : <a href={`${context.base}/`}>{w.back}</a>}</p>
      </>
    ),
  };
}

const example = (n: number, current: boolean): Sessions['sessions'][number] => ({
  session: `ses_${String(n).padStart(32, '0')}`, startedAt: new Date('2026-11-20T09:00:00Z'), renewedAt: new Date('2026-11-20T09:30:00Z'),
  endsAt: new Date('2026-11-20T11:30:00Z'), current,
});

export const devicesPage = page<Sessions>('GET /devices', {
  route: sessions, input: () => ({}), view: devicesView,
  states: () => ({ empty: { outcome: done({ sessions: [example(1, true)] }) }, ready: { outcome: done({ sessions: [example(1, true), example(2, false)] }) } }),
});

export const endDeviceForm = form('POST /devices/:session/end', {
  route: endOne, fields: (_values, context) => ({ input: { params: context.params } }), then: () => ({ to: '/devices' }),
  again: (context) => devicesView(context, undefined),
});
