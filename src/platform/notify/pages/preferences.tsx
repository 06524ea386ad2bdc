import type { VNode } from 'preact';
import { fill, form, page, plainInput, type FormState, type Outcome, type PageContext, type Rendered } from '#kernel';
import { Badge, ErrorSummary, Field, Hidden, Notice } from '#kit';
import type { Preferences } from '../contract.ts';
import { addEmailRoute, chooseRoute, preferencesRoute, removeRoute } from '../routes.ts';
import { wordsOf } from './inbox.tsx';

const nothing: FormState = { values: {}, errors: {} };
const clock = (minute: number): string => `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
const BACK = '/notifications/preferences';

/** Minutes of the day from a time as people write it; undefined for none that is one. */
function minuteOf(typed: string): number | undefined {
  const [, hour = '', minute = ''] = /^(\d{1,2})[:.]?(\d{2})$/.exec(plainInput(typed)) ?? [];
  const at = Number.parseInt(hour, 10) * 60 + Number.parseInt(minute, 10);
  return hour !== '' && Number.parseInt(hour, 10) < 24 && Number.parseInt(minute, 10) < 60 ? at : undefined;
}

function Kinds({ context, p }: { context: PageContext; p: Preferences }): VNode {
  const w = wordsOf(context).choose;
  return (
    <>
      {p.kinds.map((k) => (
        <fieldset class="field">
          <legend>{k.label}</legend>
          {k.choices.map((c) => {
            // What cannot be turned off is a sentence, not a control that does nothing.
            if (k.critical && c.on) return <p class="choice"><Badge meaning="done">{w.channels[c.channel]}</Badge> <span class="quiet">{w.always}</span></p>;
            return <label class="choice"><input type="checkbox" name={`on ${k.kind} ${c.channel}`} value="yes"
              checked={c.on} />{' '}{w.channels[c.channel]}</label>;
          })}
        </fieldset>
      ))}
      <input type="hidden" name="all" value={p.kinds.flatMap((k) => k.choices.filter((c) => !(k.critical && c.on)).map((c) =>
        `${k.kind} ${c.channel}`)).join(',')} />
    </>
  );
}

function Addresses({ context, p, state }: { context: PageContext; p: Preferences; state: FormState }): VNode {
  const w = wordsOf(context).choose;
  const errorText = (key: string): string => (wordsOf(context).errors as Record<string, string>)[key] ?? key;
  return (
    <section>
      <h2>{w.addresses}</h2>
      {p.addresses.length === 0 && <p>{w.none}</p>}
      <ul class="cards">
        {p.addresses.map((a) => (
          <li class="card">
            <p class="what"><strong>{a.shown}</strong></p>
            <p class="state"><Badge meaning={a.state === 'confirmed' ? 'done' : 'waiting'}>{a.state === 'confirmed' ? w.confirmed : w.unconfirmed}</Badge></p>
            <form method="post" action={`${context.base}/notifications/addresses/${a.address}/remove`} class="inline">
              <Hidden context={context} />
              <button type="submit" class="second" aria-label={`${w.remove}: ${a.shown}`}>{w.remove}</button>
            </form>
          </li>
        ))}
      </ul>
      {p.kinds.some((k) => k.choices.some((c) => c.channel === 'email')) && (
        <form method="post" action={`${context.base}/notifications/emails`}>
          <Hidden context={context} />
          <Field name="email" label={w.email} hint={w.emailHint} form={state} errorText={errorText} context={context} autoComplete="email" maxLength={254}
            width={20} />
          <button type="submit" class="second">{w.addEmail}</button>
        </form>
      )}
      {p.pushKey && <p class="push" data-key={p.pushKey} data-worker={context.asset('push-worker.js')} data-on={w.pushOn} data-off={w.pushOff} hidden><button
        type="button" class="second">{w.push}</button></p>}
    </section>
  );
}

function preferencesView(context: PageContext, outcome: Outcome<Preferences> | undefined, state: FormState = nothing): Rendered {
  const all = wordsOf(context);
  const w = all.choose;
  const errorText = (key: string): string => (all.errors as Record<string, string>)[key] ?? key;
  const p = outcome?.ok ? outcome.value : undefined;
  const problem = state.problem && ((all.problems as Record<string, string>)[state.problem.code] ?? all.problems.other);
  const quiet = { values: { from: p?.quiet ? clock(p.quiet.from) : '', to: p?.quiet ? clock(p.quiet.to) : '', ...state.values }, errors: state.errors };
  return {
    title: w.title, islands: ['push-subscribe'],
    body: (
      <>
        <ErrorSummary form={state} errorText={errorText} context={context}>{problem && <p>{problem}</p>}</ErrorSummary>
        <h1>{w.title}</h1>
        {context.query.saved !== undefined && <Notice meaning="done" title={w.saved} />}
        {context.query.sent !== undefined && <Notice meaning="waiting" title={w.sent} />}
        <p class="lead">{w.lead}</p>
        {p && (
          <form method="post" action={`${context.base}${BACK}`}>
            <Hidden context={context} />
            <Kinds context={context} p={p} />
            <h2>{w.quiet}</h2>
            <p class="hint">{w.quietHint} {fill(w.zone, { zone: p.quiet?.zone ?? context.tenant.zone })}</p>
            <input type="hidden" name="zone" value={p.quiet?.zone ?? context.tenant.zone} />
            <Field name="from" label={w.from} hint={fill(w.timeHint, { example: '22:00' })} form={quiet} errorText={errorText} context={context}
              inputMode="text" maxLength={8} width={6} />
            <Field name="to" label={w.to} hint={fill(w.timeHint, { example: '07:00' })} form={quiet} errorText={errorText} context={context} inputMode="text"
              maxLength={8} width={6} />
            <div class="actions"><button type="submit" class="main">{w.save}</button></div>
          </form>
        )}
        {p && <Addresses context={context} p={p} state={state} />}
        {!p && <p><a href={`${context.base}${BACK}`}>{w.title}</a></p>}
        <p class="back"><a href={`${context.base}/notifications`}>{w.back}</a></p>
      </>
    ),
  };
}

export const preferencesPage = page<Preferences>('GET /notifications/preferences', {
  route: preferencesRoute, input: (context) => ({ query: { language: context.language } }),
    view: (context, outcome, state) => preferencesView(context, outcome, state),
});

export const chooseForm = form('POST /notifications/preferences', {
  route: chooseRoute,
  fields: (values) => {
    const [from, to] = [values.from ?? '', values.to ?? ''].map((t) => t.trim());
    const errors: Record<string, string> = {};
    const wanted = { from: minuteOf(from ?? ''), to: minuteOf(to ?? '') };
    const any = from !== '' || to !== '';
    if (any && wanted.from === undefined) errors.from = 'from';
    if (any && wanted.to === undefined) errors.to = 'to';
    if (Object.keys(errors).length) return { errors };
    const choices = (values.all ?? '').split(',').filter(Boolean).map((name) => {
      const [kind = '', channel = ''] = name.split(' ');
      return { kind, channel, on: values[`on ${name}`] === 'yes' };
    });
    return { input: { body: { choices, quiet: any ? { from: wanted.from, to: wanted.to, zone: values.zone ?? '' } : null } } };
  },
  then: () => ({ to: `${BACK}?saved` }), again: (context, state) => preferencesView(context, undefined, state),
});
export const emailForm = form('POST /notifications/emails', {
  route: addEmailRoute,
  fields: (values) => {
    const email = (values.email ?? '').trim();
    return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email) ? { input: { body: { email } } } : { errors: { email: 'email' } };
  },
  then: () => ({ to: `${BACK}?sent` }), again: (context, state) => preferencesView(context, undefined, state),
});
export const removeForm = form('POST /notifications/addresses/:address/remove', {
  route: removeRoute, fields: (_values, context) => ({ input: { params: context.params } }), then: () => ({ to: BACK }),
    again: (context) => preferencesView(context, undefined),
});
