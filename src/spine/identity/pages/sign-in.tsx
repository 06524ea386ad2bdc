import type { VNode } from 'preact';
import { done, fill, form, formatInstant, isCivilDate, localeOf, page, plainInput, type FormState, type PageContext, type PageState, type Problem,
  type Rendered } from '#kernel';
import { ErrorSummary, Field, Hidden } from '#kit';
import { codeOver, COOKIE_ACCESS, COOKIE_CHALLENGE, COOKIE_REFRESH, lockedOut, resendTooSoon, sendsUsed, wrongCode, wrongDetails } from '../contract.ts';
import { leave, resend, sessionCookies, start, verify } from '../routes.ts';
import { en } from '../words/en.ts';
import { hi } from '../words/hi.ts';

type Country = 'IN' | 'US';
const wordsOf = (context: PageContext): typeof en => (context.language === 'hi' ? hi as unknown as typeof en : en);
const countryOf = (context: PageContext): Country => (context.tenant.country === 'US' ? 'US' : 'IN');

const YEARS_SHOWN = 7;
/** The years that can be asked about, newest first: India names the year after the income, the United States the year of it. */
function periods(context: PageContext): { value: string; label: string }[] {
  const country = countryOf(context);
  const thisYear = context.now.getUTCFullYear();
  return Array.from({ length: YEARS_SHOWN }, (_, i) => {
    const year = country === 'IN' ? thisYear - i : thisYear - 1 - i;
    return { value: String(year), label: country === 'IN' ? `${year}-${String((year + 1) % 100).padStart(2, '0')}` : String(year) };
  });
}

/** Only an office whose pages are by year asks for one. */
const asksYear = (context: PageContext): boolean => (context.brand.home ?? '').includes('{year}');

function errorText(context: PageContext): (key: string) => string {
  const w = wordsOf(context).errors;
  const country = countryOf(context);
  return (key) => {
    const text = (w as Record<string, string | Record<Country, string>>)[key];
    return typeof text === 'string' ? text : text ? text[country] : key;
  };
}

/** The one sentence for a refused step. */
function problemText(context: PageContext, state: FormState): string | undefined {
  const w = wordsOf(context).problems;
  const wait = typeof state.data?.retryAfterSeconds === 'number' ? state.data.retryAfterSeconds : 1;
  const tries = typeof state.data?.triesLeft === 'number' ? state.data.triesLeft : 0;
  switch (state.problem?.code) {
    case wrongCode.code: return tries > 1 ? fill(w.wrongCode, { tries }) : tries === 1 ? w.wrongCodeLast : w.wrongCodeClosed;
    case codeOver.code: return w.codeOver;
    case lockedOut.code: return fill(w.lockedOut, { minutes: Math.ceil(wait / 60) });
    case resendTooSoon.code: return fill(w.resendTooSoon, { seconds: wait });
    case sendsUsed.code: return fill(w.sendsUsed, { minutes: Math.ceil(wait / 60) });
    default: return undefined;
  }
}

function BirthFields({ context, state }: { context: PageContext; state: FormState }): VNode {
  const w = wordsOf(context).start;
  const part = (name: 'day' | 'month' | 'birthYear', label: string, width: 2 | 4, length: number, complete: string): VNode =>
    <Field name={name} label={label} form={state} errorText={errorText(context)} context={context} inputMode="numeric"
      width={width} maxLength={length} autoComplete={complete} />;
  return (
    <fieldset aria-describedby="birth-hint">
      <legend>{w.birth}</legend>
      <p class="hint" id="birth-hint">{w.birthHint}</p>
      <div class="row">
        {part('day', w.day, 2, 8, 'bday-day')}
        {part('month', w.month, 2, 8, 'bday-month')}
        {part('birthYear', w.year, 4, 12, 'bday-year')}
      </div>
    </fieldset>
  );
}

function startView(context: PageContext, state: FormState): Rendered {
  const w = wordsOf(context).start;
  const country = countryOf(context);
  const shown: FormState = state.problem?.code === wrongDetails.code ? { ...state, errors: { identifier: 'identifier' } } : state;
  const said = problemText(context, state);
  const chosen = shown.values.year ?? context.query.year ?? periods(context)[0]?.value;
  return {
    title: w.title,
    body: (
      <>
        <ErrorSummary form={shown} errorText={errorText(context)} context={context}>{said && <p>{said}</p>}</ErrorSummary>
        <h1>{asksYear(context) ? w.heading : fill(w.headingPlain, { office: context.brand[`name_${context.language}`] ?? context.tenant.name })}</h1>
        <p class="lead">{w.lead}</p>
        <form method="post" action={`${context.base}/sign-in`} noValidate>
          <Hidden context={context} />
          <input type="hidden" name="then" value={shown.values.then ?? context.query.then ?? ''} />
          <Field name="identifier" label={w.identifier[country]} hint={fill(w.identifierHint[country], { example: w.example[country] })} form={shown}
            errorText={errorText(context)} context={context} width={10} maxLength={40} />
          <BirthFields context={context} state={shown} />
          {asksYear(context) && (
            <div class={shown.errors.year ? 'field wrong' : 'field'}>
              <label for="year">{w.period[country]}</label>
              <p class="hint" id="year-hint">{w.periodHint[country]}</p>
              {shown.errors.year && <p class="error" id="year-error">{errorText(context)(shown.errors.year)}</p>}
              <select id="year" name="year" class="w10" aria-describedby={shown.errors.year ? 'year-hint year-error' : 'year-hint'}>
                {periods(context).map((p) => <option value={p.value} selected={p.value === chosen}>{p.label}</option>)}
              </select>
            </div>
          )}
          <div class="actions"><button type="submit" class="main">{w.go}</button></div>
        </form>
        <details><summary>{w.why}</summary><p>{asksYear(context) ? w.whyText : w.whyTextPlain}</p></details>
        <details><summary>{w.noPhone}</summary><p>{w.noPhoneText}</p></details>
      </>
    ),
  };
}

/** What the browser keeps between the steps: nothing about the person. */
interface Pending { challenge: string; ending: string; expires: string; then: string }
const pack = (p: Pending): string => Buffer.from(JSON.stringify([p.challenge, p.ending, p.expires, p.then])).toString('base64url');
function unpack(cookie: string | undefined): Pending | undefined {
  try {
    const [challenge, ending, expires, then] = JSON.parse(Buffer.from(cookie ?? '', 'base64url').toString('utf8')) as string[];
    if (!challenge || !/^chl_[0-9a-f]{32}$/.test(challenge) || !/^\d{2}$/.test(ending ?? '') || Number.isNaN(Date.parse(expires ?? ''))) return undefined;
    return { challenge, ending: ending as string, expires: expires as string, then: then ?? '' };
  } catch {
    return undefined;
  }
}

function codeView(context: PageContext, state: FormState): Rendered {
  const w = wordsOf(context).code;
  const pending = unpack(context.query.c ?? state.values.c);
  const said = problemText(context, state);
  // A wrong code is said beside its field as well; anything else is not about what was typed.
  const wrong = state.problem?.code === wrongCode.code && pending !== undefined;
  const shown: FormState = wrong ? { ...state, errors: { code: 'said' } } : state;
  const text = (key: string): string => (key === 'said' ? said ?? key : errorText(context)(key));
  const time = pending ? formatInstant(new Date(pending.expires), localeOf(context.language), context.tenant.zone) : '';
  return {
    title: w.title,
    body: (
      <>
        <ErrorSummary form={shown} errorText={text} context={context}>{said && !wrong && <p>{said}</p>}</ErrorSummary>
        <h1>{w.heading}</h1>
        {pending && <p class="lead">{fill(w.sent, { ending: pending.ending, time })}</p>}
        {pending && (
          <form method="post" action={`${context.base}/sign-in/code`} noValidate>
            <Hidden context={context} />
            <input type="hidden" name="c" value={pack(pending)} />
            <Field name="code" label={w.label} hint={w.hint} form={shown} errorText={text} context={context} inputMode="numeric"
              autoComplete="one-time-code" width={6} maxLength={64} secret />
            <div class="actions"><button type="submit" class="main">{w.go}</button></div>
          </form>
        )}
        {pending && (
          <form method="post" action={`${context.base}/sign-in/resend`}>
            <Hidden context={context} />
            <input type="hidden" name="c" value={pack(pending)} />
            <p class="hint">{w.resendHint}</p>
            <button type="submit" class="second">{w.resend}</button>
          </form>
        )}
        <p class="quiet">{w.nothing}</p>
        <p><a href={`${context.base}/sign-in`}>{w.again}</a></p>
      </>
    ),
  };
}

const digits = (text: string | undefined): string => plainInput(text ?? '');
const whole = (text: string, max: number): number | undefined =>
  (/^\d{1,4}$/.test(text) && Number.parseInt(text, 10) >= 1 && Number.parseInt(text, 10) <= max ? Number.parseInt(text, 10) : undefined);

const nothing = done(null);
const refused = (problem: Problem, data: Readonly<Record<string, unknown>>, values: Readonly<Record<string, string>>): PageState<null> =>
  ({ outcome: nothing, form: { values, errors: {}, problem, data } });

const LONG_VALUE = 'ABCPK0000L'.repeat(4);
const typed = { identifier: LONG_VALUE, day: '31', month: '2', birthYear: '1986', year: '' };
const startStates = (): Readonly<Record<string, PageState<null>>> => ({
  ready: { outcome: nothing },
  error: { outcome: nothing, form: { values: typed, errors: { identifier: 'identifier', day: 'date', month: 'month', birthYear: 'year', year: 'period' } } },
  wrongIdentifier: refused(wrongDetails, {}, typed),
  lockedOut: refused(lockedOut, { retryAfterSeconds: 86_400 }, typed),
  sendsUsed: refused(sendsUsed, { retryAfterSeconds: 600 }, typed),
});

function codeStates({ now }: { now: Date }): Readonly<Record<string, PageState<null>>> {
  const c = pack({ challenge: `chl_${'0'.repeat(32)}`, ending: '01', expires: now.toISOString(), then: '' });
  return {
    ready: { outcome: nothing, query: { c } },
    empty: { outcome: nothing },
    error: { outcome: nothing, form: { values: { c }, errors: { code: 'code' } } },
    wrongCode: refused(wrongCode, { triesLeft: 3 }, { c }),
    wrongCodeLast: refused(wrongCode, { triesLeft: 1 }, { c }),
    wrongCodeClosed: refused(wrongCode, { triesLeft: 0 }, { c }),
    expired: refused(codeOver, {}, { c }),
    lockedOut: refused(lockedOut, { retryAfterSeconds: 900 }, { c }),
    resendTooSoon: refused(resendTooSoon, { retryAfterSeconds: 42 }, { c }),
    sendsUsed: refused(sendsUsed, { retryAfterSeconds: 600 }, { c }),
  };
}

export const startPage = page('GET /sign-in', { scope: 'public', view: (context, _, state) => startView(context, state), states: startStates });
export const codePage = page('GET /sign-in/code', { scope: 'public', view: (context, _, state) => codeView(context, state), states: codeStates });

export const startForm = form('POST /sign-in', {
  route: start,
  fields(values, context) {
    const errors: Record<string, string> = {};
    const day = whole(digits(values.day), 31);
    const month = whole(digits(values.month), 12);
    const year = /^\d{4}$/.test(digits(values.birthYear)) ? digits(values.birthYear) : undefined;
    if (!values.identifier?.trim()) errors.identifier = 'identifier';
    if (day === undefined) errors.day = 'day';
    if (month === undefined) errors.month = 'month';
    if (year === undefined) errors.birthYear = 'year';
    const date = `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
    if (!errors.day && !errors.month && !errors.birthYear && !isCivilDate(date)) errors.day = 'date';
    const period = asksYear(context) ? Number.parseInt(digits(values.year), 10) : context.now.getUTCFullYear();
    if (asksYear(context) && !periods(context).some((p) => p.value === String(period))) errors.year = 'period';
    if (Object.keys(errors).length) return { errors };
    return { input: { body: { identifier: (values.identifier ?? '').slice(0, 40), dateOfBirth: date, year: period, browser: context.cookies.xq_browser ?? '',
      language: context.language } } };
  },
  then: (value: { challenge: string; expiresAt: Date; phoneEnding: string }, context) => {
    const then = context.query.then ?? '';
    const kept = pack({ challenge: value.challenge, ending: value.phoneEnding, expires: value.expiresAt.toISOString(),
      then: /^\/(?![/\\])[\x21-\x7e]*$/.test(then) ? then : '' });
    return { to: `/sign-in/code?c=${kept}`, cookies: [{ name: COOKIE_CHALLENGE, value: kept, maxAgeSeconds: 600 }] };
  },
  again: startView,
});

function codeInput(values: Readonly<Record<string, string>>, cookies: Readonly<Record<string, string>>): { challenge: string; browser: string } | undefined {
  const pending = unpack(values.c) ?? unpack(cookies[COOKIE_CHALLENGE]);
  return pending && { challenge: pending.challenge, browser: cookies.xq_browser ?? '' };
}

export const codeForm = form('POST /sign-in/code', {
  route: verify,
  fields(values, context) {
    const known = codeInput(values, context.cookies);
    if (!known || !values.code?.trim()) return { errors: { code: 'code' } };
    return { input: { params: { challenge: known.challenge }, body: { code: values.code.slice(0, 64), browser: known.browser } } };
  },
  then: (value: { accessToken: string; refreshToken: string; expiresInSeconds: number; refreshExpiresInSeconds: number; year: number }, context) => {
    const then = unpack(context.query.c)?.then;
    const home = (context.brand.home ?? '/').replace('{year}', String(value.year));
    return { to: then ? then : home, cookies: [...sessionCookies(value), { name: COOKIE_CHALLENGE, value: null }] };
  },
  again: codeView,
});

export const resendForm = form('POST /sign-in/resend', {
  route: resend,
  fields(values, context) {
    const known = codeInput(values, context.cookies);
    return known ? { input: { params: { challenge: known.challenge }, body: { browser: known.browser } } } : { errors: { code: 'code' } };
  },
  then: (value: { challenge: string; expiresAt: Date; phoneEnding: string }, context) => ({
    to: `/sign-in/code?c=${pack({ challenge: value.challenge, ending: value.phoneEnding, expires: value.expiresAt.toISOString(),
      then: unpack(context.query.c)?.then ?? '' })}`,
  }),
  again: codeView,
});

export const leaveForm = form('POST /sign-out', {
  route: leave,
  fields: () => ({ input: {} }),
  then: () => ({ to: '/sign-in', cookies: [{ name: COOKIE_ACCESS, value: null }, { name: COOKIE_REFRESH, value: null }] }),
  again: startView,
});

export const pages = [startPage, codePage];
export const forms = [startForm, codeForm, resendForm, leaveForm];
