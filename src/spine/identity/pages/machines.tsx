import type { VNode } from 'preact';
import type { z } from 'zod';
import {
  done, fill, form, formatInstant, localeOf, page, refuse, type FormState, type Outcome, type PageContext, type Rendered, type Words,
} from '#kernel';
import { Badge, ErrorSummary, Facts, Field, Hidden, Notice, room } from '#kit';
import {
  MACHINE_NAME, machineKnown, machineNameWrong, machineUnknown, MACHINES_LISTED_MAX, permissionUnknown, type zChangedMachine, type zMachine, type zMachines,
  type zMadeMachine,
} from '../contract.ts';
import { addMachineRoute, disableMachineRoute, machineRoute, machinesRoute } from '../routes.ts';
import { en } from '../words/en.ts';
import { hi } from '../words/hi.ts';

type Machine = z.output<typeof zMachine>;
type Machines = z.output<typeof zMachines>;
type Made = z.output<typeof zMadeMachine>;

const HERE = '/console/machines';
/** Name of a permission's checkbox; fields of a form have one value each. */
const MAY = 'may ';
const wordsOf = (context: PageContext): Words<typeof en>['machines'] => (context.language === 'hi' ? hi : en).machines;
const errorText = (context: PageContext) => (key: string): string => (wordsOf(context).errors as Record<string, string>)[key] ?? key;
const time = (context: PageContext, at: Date): string => formatInstant(at, localeOf(context.language), context.tenant.zone);
/** What a permission lets somebody do. */
const docOf = (context: PageContext, permission: string): string => (wordsOf(context).permissions as Record<string, string>)[permission] ?? '';

function Back({ context, list }: { context: PageContext; list?: boolean }): VNode {
  const w = wordsOf(context);
  return <p class="small"><a href={`${context.base}${list ? HERE : '/console'}`}>{list ? w.all : w.console}</a></p>;
}

/** What one may do, each thing by its name and in words. */
const Permissions = ({ context, of }: { context: PageContext; of: readonly string[] }): VNode => (
  <ul class="plain">{of.map((p) => <li><code>{p}</code> <span class="quiet">{docOf(context, p)}</span></li>)}</ul>
);

function MachineFacts({ context, m }: { context: PageContext; m: Machine }): VNode {
  const w = wordsOf(context);
  return (
    <Facts rows={[
      { label: w.key, value: <code>{m.machine}</code> }, { label: w.since, value: time(context, m.createdAt) },
      ...(m.disabledAt ? [{ label: w.out, value: time(context, m.disabledAt) }] : []),
      { label: w.may, value: <Permissions context={context} of={m.permissions} /> },
    ]} />
  );
}

function Card({ context, m }: { context: PageContext; m: Machine }): VNode {
  const w = wordsOf(context);
  return (
    <li class="card">
      <h2 class="flat">{m.name}</h2>
      <p class="state"><Badge meaning={m.disabledAt ? 'failed' : 'done'}>{m.disabledAt ? w.disabled : w.active}</Badge></p>
      <MachineFacts context={context} m={m} />
      {!m.disabledAt && <p class="back"><a href={`${context.base}${HERE}/${m.machine}`} aria-label={fill(w.stopOf, { name: m.name })}>{w.stop}</a></p>}
    </li>
  );
}

/** The form that adds one. What is offered goes with it, so that a refused one is drawn again as it was. */
function Add({ context, offered, state }: { context: PageContext; offered: readonly string[]; state: FormState }): VNode {
  const w = wordsOf(context);
  const wrong = state.errors.permissions;
  return (
    <form method="post" action={`${context.base}${HERE}`} class="card" noValidate>
      <Hidden context={context} />
      <input type="hidden" name="offered" value={offered.join(' ')} />
      <p class="quiet">{w.addText}</p>
      <Field name="name" label={w.name} hint={w.nameHint} form={state} errorText={errorText(context)} context={context} maxLength={80} width={20} />
      <fieldset id="permissions" tabIndex={-1} {...(wrong ? { 'aria-describedby': 'permissions-error' } : {})} class={wrong ? 'field wrong' : 'field'}>
        <legend>{w.choose}</legend>
        {wrong && <p class="error" id="permissions-error">{errorText(context)(wrong)}</p>}
        <div class="picks">
          {offered.map((p) => (
            <label class="choice">
              <input type="checkbox" name={`${MAY}${p}`} checked={`${MAY}${p}` in state.values} />
              <span><code>{p}</code><br /><span class="quiet">{docOf(context, p)}</span></span>
            </label>
          ))}
        </div>
      </fieldset>
      <div class="actions"><button type="submit" class="main">{w.go}</button></div>
    </form>
  );
}

function listView(context: PageContext, outcome: Outcome<Machines>, state: FormState): Rendered {
  const w = wordsOf(context);
  if (!outcome.ok) return unknownView(context);
  const { machines, permissions } = outcome.value;
  if (state.problem || Object.keys(state.errors).length) return againView(context, state);
  return room(context, {
    title: w.title,
    body: (
      <>
        <Back context={context} />
        <div class="room-head"><h1>{w.title}</h1></div>
        <p class="quiet">{machines.length ? w.lead : w.empty}</p>
        {machines.length >= MACHINES_LISTED_MAX && <p class="quiet">{fill(w.most, { n: MACHINES_LISTED_MAX })}</p>}
        <ul class="cards">{machines.map((m) => <Card context={context} m={m} />)}</ul>
        <h2>{w.add}</h2>
        <Add context={context} offered={permissions.map((p) => p.permission)} state={state} />
      </>
    ),
  });
}

const PROBLEMS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  [machineKnown.code]: { name: 'taken' }, [machineNameWrong.code]: { name: 'name' }, [permissionUnknown.code]: { permissions: 'unknown' },
};

/** The form alone, with what was typed and what is wrong with it. */
function againView(context: PageContext, typed: FormState): Rendered {
  const w = wordsOf(context);
  const state = { ...typed, errors: { ...typed.errors, ...PROBLEMS[typed.problem?.code ?? ''] } };
  return room(context, {
    title: w.add,
    body: (
      <>
        <Back context={context} list />
        <ErrorSummary form={state} errorText={errorText(context)} context={context} />
        <div class="room-head"><h1>{w.add}</h1></div>
        <Add context={context} offered={(state.values.offered ?? '').split(' ').filter(Boolean)} state={state} />
      </>
    ),
  });
}

/** The one page that holds a secret: the answer to the form, which stands at no address. */
export function madeView(context: PageContext, made: Made): Rendered {
  const w = wordsOf(context);
  const title = fill(w.made, { name: made.name });
  return room(context, {
    title,
    body: (
      <>
        <div class="room-head"><h1>{title}</h1></div>
        {made.secret === null ? <p class="lead">{fill(w.repeated, { name: made.name })}</p> : <Notice meaning="needs-you" title={w.once} />}
        <Facts rows={[
          { label: w.key, value: <code>{made.machine}</code> }, ...(made.secret === null ? [] : [{ label: w.secret, value: <code>{made.secret}</code> }]),
        ]} />
        <p class="quiet spaced">{w.sign}</p>
        <p class="back"><a class="button" href={`${context.base}${HERE}`}>{made.secret === null ? w.all : w.copied}</a></p>
      </>
    ),
  });
}

function unknownView(context: PageContext): Rendered {
  const w = wordsOf(context);
  return room(context, {
    title: w.unknown,
    body: <><Back context={context} list /><div class="room-head"><h1>{w.unknown}</h1></div><p class="lead">{w.unknownText}</p></>,
  });
}

/** One machine, and the question whether it is to be kept out. */
function oneView(context: PageContext, outcome: Outcome<Machine>): Rendered {
  const w = wordsOf(context);
  if (!outcome.ok) return unknownView(context);
  const m = outcome.value;
  const title = fill(m.disabledAt ? w.stopped : w.stopTitle, { name: m.name });
  return room(context, {
    title,
    body: (
      <>
        <Back context={context} list />
        <div class="room-head"><h1>{title}</h1></div>
        <p class="lead">{m.disabledAt ? fill(w.stoppedText, { time: time(context, m.disabledAt) }) : w.stopText}</p>
        <MachineFacts context={context} m={m} />
        {!m.disabledAt && (
          <form method="post" action={`${context.base}${HERE}/${m.machine}/disable`}>
            <Hidden context={context} />
            <div class="actions">
              <button type="submit" class="main">{fill(w.stopGo, { name: m.name })}</button>
              <a class="button second" href={`${context.base}${HERE}`}>{w.keep}</a>
            </div>
          </form>
        )}
      </>
    ),
  });
}

const example = (n: number, name: string, permissions: readonly string[], disabled = false): Machine => ({
  machine: `mac_${String(n).padStart(32, '0')}`, name, permissions: [...permissions], createdAt: new Date('2026-11-02T09:00:00Z'),
  disabledAt: disabled ? new Date('2026-11-20T16:45:00Z') : null,
});
const examples: Machines = {
  machines: [
    example(1, 'Authority-Feed', ['taxrefund:feed']),
    example(2, 'Central-Processing-Centre.'.repeat(2), ['notify:receipts', 'webhooks:manage']),
    example(3, 'Authority-2025', ['taxrefund:feed'], true),
  ],
  permissions: Object.entries(en.machines.permissions).map(([permission, doc]) => ({ permission, doc })),
};
const offered = Object.keys(en.machines.permissions).join(' ');

export const machinesPage = page<Machines>('GET /console/machines', {
  route: machinesRoute, input: () => ({}), view: listView,
  states: () => ({
    ready: { outcome: done(examples) }, empty: { outcome: done({ ...examples, machines: [] }) },
    error: { outcome: done(examples), form: { values: { offered, name: '?' }, errors: { name: 'name', permissions: 'permissions' } } },
    taken: { outcome: done(examples),
      form: { values: { offered, name: 'Authority-Feed', [`${MAY}taxrefund:feed`]: 'on' }, errors: {}, problem: machineKnown } },
  }),
});
export const machinePage = page<Machine>('GET /console/machines/:machine', {
  route: machineRoute, view: oneView,
  states: () => ({
    ready: { outcome: done(example(1, 'Authority-Feed', ['taxrefund:feed'])) }, empty: { outcome: refuse(machineUnknown) },
    disabled: { outcome: done(example(1, 'Authority-Feed', ['taxrefund:feed'], true)) },
  }),
});

export const addMachineForm = form('POST /console/machines', {
  route: addMachineRoute,
  fields(values) {
    const name = (values.name ?? '').trim();
    const permissions = Object.keys(values).filter((field) => field.startsWith(MAY)).map((field) => field.slice(MAY.length));
    const errors = { ...(MACHINE_NAME.test(name) ? {} : { name: 'name' }), ...(permissions.length ? {} : { permissions: 'permissions' }) };
    return Object.keys(errors).length ? { errors } : { input: { body: { name, permissions } } };
  },
  then: (made: Made, context) => madeView(context, made), again: againView,
});
export const disableMachineForm = form('POST /console/machines/:machine/disable', {
  route: disableMachineRoute, fields: (_values, context) => ({ input: { params: context.params } }),
  then: ({ machine }: z.output<typeof zChangedMachine>) => ({ to: `${HERE}/${machine}` }), again: unknownView,
});

export const machinePages = [machinesPage, machinePage];
export const machineForms = [addMachineForm, disableMachineForm];
