import type { ComponentChildren, VNode } from 'preact';
import { done, fill, form, formatInstant, idOf, localeOf, page, refuse, type FormState, type Outcome, type PageContext, type PageState, type Rendered,
  type Words } from '#kernel';
import { ErrorSummary, Field, Hidden } from '#kit';
import {
  codeWrong, linkOver, operatorRefused, passkeyRefused, PASSWORD_CHARS_MAX, passwordWeak, triesUsed, type Enrolment, type Opened,
} from './contract.ts';
import { enrolPasskeyRoute, enrolPasswordRoute, leaveRoute, linkRoute, operatorCookie, passkeyRoute, passwordRoute } from './routes.ts';
import { en } from './words/en.ts';
import { hi } from './words/hi.ts';

const CONSOLE = '/console';
const wordsOf = (context: PageContext): Words<typeof en> => (context.language === 'hi' ? hi : en);
const officeOf = (context: PageContext): string => context.brand[`name_${context.language}`] ?? context.tenant.name;
const roleText = (context: PageContext, role: string): string => (wordsOf(context).roles as Record<string, string>)[role] ?? role;
const errorText = (context: PageContext) => (key: string): string => (wordsOf(context).errors as Record<string, string>)[key] ?? key;

/** The one sentence for a refused step. */
function problemText(context: PageContext, state: FormState): string | undefined {
  const w = wordsOf(context).problems;
  const wait = typeof state.data?.retryAfterSeconds === 'number' ? state.data.retryAfterSeconds : 60;
  switch (state.problem?.code) {
    case operatorRefused.code: return w.refused;
    case triesUsed.code: return fill(w.triesUsed, { minutes: Math.ceil(wait / 60) });
    case passwordWeak.code: return w.weak;
    case codeWrong.code: return w.codeWrong;
    case passkeyRefused.code: return w.passkeyRefused;
    default: return undefined;
  }
}

interface KeyForm { readonly context: PageContext; readonly action: string; readonly go: string; readonly failed: string;
  readonly data: Readonly<Record<string, string>>; readonly children?: ComponentChildren }

/** A form that script fills with the answer of a passkey; it stays hidden where the browser has none. */
function PasskeyForm({ context, action, go, failed, data, children }: KeyForm): VNode {
  return (
    <form method="post" action={`${context.base}${action}`} hidden {...data}>
      <Hidden context={context} />
      {children}
      <input type="hidden" name="credential" value="" />
      <p class="error" role="alert" hidden>{failed}</p>
      <div class="actions"><button type="submit" class="main">{go}</button></div>
    </form>
  );
}

function signInView(context: PageContext, state: FormState): Rendered {
  const w = wordsOf(context).signIn;
  const said = problemText(context, state);
  const field = { form: state, errorText: errorText(context), context };
  const then = <input type="hidden" name="then" value={state.values.then ?? context.query.then ?? ''} />;
  return {
    title: w.title, islands: ['operator'],
    body: (
      <>
        <ErrorSummary form={state} errorText={errorText(context)} context={context}>{said && <p>{said}</p>}</ErrorSummary>
        <h1>{fill(w.heading, { office: officeOf(context) })}</h1>
        <p class="lead">{w.lead}</p>
        <PasskeyForm context={context} action="/operator/sign-in/passkey" go={w.passkey} failed={w.passkeyFailed}
          data={{ 'data-passkey': 'get', 'data-from': `${context.base}/api/operators/challenge` }}>
          <p class="hint">{w.passkeyHint}</p>
          {then}
        </PasskeyForm>
        <h2>{w.or}</h2>
        <form method="post" action={`${context.base}/operator/sign-in`} noValidate>
          <Hidden context={context} />
          {then}
          <Field {...field} name="name" label={w.name} autoComplete="username" maxLength={64} width={20} />
          <Field {...field} name="password" label={w.password} autoComplete="current-password" type="password"
            maxLength={PASSWORD_CHARS_MAX} width={20} secret />
          <Field {...field} name="code" label={w.code} hint={w.codeHint} autoComplete="one-time-code" inputMode="numeric" maxLength={32} width={6} secret />
          <div class="actions"><button type="submit" class="main">{w.go}</button></div>
        </form>
      </>
    ),
  };
}

const FOUR = /.{1,4}/g;

function EnrolForms({ context, value, link, state }: { context: PageContext; value: Enrolment; link: string; state: FormState }): VNode {
  const w = wordsOf(context).enrol;
  const field = { form: state, errorText: errorText(context), context };
  const hidden = <input type="hidden" name="link" value={link} />;
  const data = {
    'data-passkey': 'create', 'data-challenge': value.challenge, 'data-rp': value.rp, 'data-rp-name': context.tenant.name, 'data-user': value.operator,
    'data-name': value.name,
  };
  return (
    <>
      <h2>{w.passkey}</h2>
      <p>{w.passkeyText}</p>
      <PasskeyForm context={context} action="/operator/enrol/passkey" go={w.passkeyGo} failed={w.passkeyFailed} data={data}>{hidden}</PasskeyForm>
      <h2>{w.password}</h2>
      <form method="post" action={`${context.base}/operator/enrol`} noValidate>
        <Hidden context={context} />
        {hidden}
        <p>{fill(w.stepOne, { secret: (value.secret.match(FOUR) ?? []).join(' ') })}</p>
        <p><a href={value.otpauth}>{w.openApp}</a></p>
        <input type="hidden" name="name" value={value.name} autoComplete="username" />
        <Field {...field} name="password" label={w.newPassword} hint={w.newPasswordHint} autoComplete="new-password" type="password"
          maxLength={PASSWORD_CHARS_MAX} width={20} secret />
        <Field {...field} name="code" label={w.code} autoComplete="one-time-code" inputMode="numeric" maxLength={32} width={6} secret />
        <div class="actions"><button type="submit" class="main">{w.go}</button></div>
      </form>
    </>
  );
}

function enrolView(context: PageContext, outcome: Outcome<Enrolment>): Rendered {
  const w = wordsOf(context).enrol;
  if (!outcome.ok) return { title: w.over, body: <><h1>{w.over}</h1><p class="lead">{w.overText}</p></> };
  const { value } = outcome;
  const time = formatInstant(value.expiresAt, localeOf(context.language), context.tenant.zone);
  return {
    title: w.title, islands: ['operator'],
    body: (
      <>
        <h1>{fill(w.heading, { name: value.name })}</h1>
        <p class="lead">{fill(w.lead, { office: officeOf(context), role: roleText(context, value.role), time })}</p>
        <EnrolForms context={context} value={value} link={context.query.link ?? ''} state={{ values: {}, errors: {} }} />
      </>
    ),
  };
}

/** After a refused step the page cannot show the key again: it says what was wrong, and the link leads back. */
function enrolAgain(context: PageContext, state: FormState): Rendered {
  const w = wordsOf(context).enrol;
  if (state.problem?.code === linkOver.code) return enrolView(context, refuse(linkOver));
  const link = state.values.link ?? '';
  return {
    title: w.title,
    body: (
      <>
        <h1>{w.title}</h1>
        <p class="lead">{problemText(context, state) ?? Object.values(state.errors).map(errorText(context)).join('. ')}</p>
        <p><a class="button" href={`${context.base}/operator/enrol?link=${encodeURIComponent(link)}`}>{wordsOf(context).enrol.again}</a></p>
      </>
    ),
  };
}

const shown: Enrolment = {
  operator: idOf('opr', '0'.repeat(32)), name: 'Kamala-Vishwanathan-Subramaniam', role: 'administrator', challenge: 'A'.repeat(51), rp: 'office.example',
  expiresAt: new Date(0), secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', otpauth: 'otpauth://totp/x',
};
const nothing = done(null);
const refusedAs = (problem: NonNullable<FormState['problem']>, data: Readonly<Record<string, unknown>> = {}): PageState<null> =>
  ({ outcome: nothing, form: { values: { name: shown.name }, errors: {}, problem, data } });

export const signInPage = page('GET /operator/sign-in', {
  scope: 'public', view: (context, _, state) => signInView(context, state),
  states: () => ({
    ready: { outcome: nothing }, error: { outcome: nothing, form: { values: {}, errors: { name: 'name', password: 'password', code: 'code' } } },
    refused: refusedAs(operatorRefused), triesUsed: refusedAs(triesUsed, { retryAfterSeconds: 90 }),
  }),
});
export const enrolPage = page<Enrolment>('GET /operator/enrol', {
  route: linkRoute, input: (context) => ({ query: { link: context.query.link ?? '' } }),
  view: (context, outcome, state) => (state.problem || Object.keys(state.errors).length ? enrolAgain(context, state) : enrolView(context, outcome)),
  states: () => {
    const outcome = done(shown);
    return {
      ready: { outcome }, empty: { outcome: refuse(linkOver) },
      error: { outcome, form: { values: {}, errors: { password: 'password' } } },
      weak: { outcome, form: { values: {}, errors: {}, problem: passwordWeak } }, codeWrong: { outcome, form: { values: {}, errors: {}, problem: codeWrong } },
    };
  },
});

const signedIn = (value: Opened, context: PageContext): { to: string; cookies: ReturnType<typeof operatorCookie>[] } => {
  const then = context.query.then ?? '';
  return { to: /^\/console(?:[/?]|$)/.test(then) ? then : CONSOLE, cookies: [operatorCookie(value)] };
};

export const passwordForm = form('POST /operator/sign-in', {
  route: passwordRoute,
  fields(values) {
    const errors = Object.fromEntries(['name', 'password', 'code'].filter((name) => !values[name]?.trim()).map((name) => [name, name]));
    if (Object.keys(errors).length) return { errors };
    const { name = '', password = '', code = '' } = values;
    return { input: { body: { name: name.slice(0, 64), password: password.slice(0, PASSWORD_CHARS_MAX), code: code.slice(0, 32) } } };
  },
  then: signedIn, again: signInView,
});
export const passkeyForm = form('POST /operator/sign-in/passkey', {
  route: passkeyRoute, fields: (values) => ({ input: { body: { credential: values.credential || '{}' } } }), then: signedIn, again: signInView,
});
export const enrolForm = form('POST /operator/enrol', {
  route: enrolPasswordRoute,
  fields(values) {
    const errors = Object.fromEntries(['password', 'code'].filter((name) => !values[name]?.trim()).map((name) => [name, name]));
    if (Object.keys(errors).length) return { errors };
    const { link = '', password = '', code = '' } = values;
    return { input: { body: { link, password: password.slice(0, PASSWORD_CHARS_MAX), code: code.slice(0, 32) } } };
  },
  then: signedIn, again: enrolAgain,
});
export const enrolPasskeyForm = form('POST /operator/enrol/passkey', {
  route: enrolPasskeyRoute, fields: (values) => ({ input: { body: { link: values.link ?? '', credential: values.credential || '{}' } } }),
  then: signedIn, again: enrolAgain,
});
export const leaveForm = form('POST /operator/sign-out', {
  route: leaveRoute, fields: () => ({ input: {} }), then: () => ({ to: '/operator/sign-in', cookies: [operatorCookie()] }), again: signInView,
});

export const pages = [signInPage, enrolPage];
export const forms = [passwordForm, passkeyForm, enrolForm, enrolPasskeyForm, leaveForm];
