import { z } from 'zod';
import {
  call, job, type AnyCall, type CallContext, type NothingPersonal, type Outcome, type PluralVerb, type Saga, type SagaStep, type StepAction, type StepInput,
  type StepValue, type Tx, type Verb,
} from '#kernel';
import { STEPS_MAX, type Move } from '../contract.ts';
import { recordCall, requestOf } from './settle.ts';

/** An external step: what to send, how, and what its answer means. The saga's own call is made of it. */
export interface External<Request, Result> {
  readonly doc: string;
  readonly request: (tx: Tx, input: StepInput) => Promise<Request>;
  readonly send: (request: Request, context: CallContext) => Promise<Result>;
  readonly inquire: (request: Request, context: CallContext) => Promise<Result | 'not-found'>;
  /** Writes what the answer changes here and says whether the step was done or refused; in the commit of the step's record. */
  readonly outcome: (tx: Tx, input: StepInput, result: Result) => Promise<Outcome<StepValue>>;
  readonly sendBudgetMs: number;
  readonly visibilityMs: number;
  readonly deadlineMs: number;
}
// Each external step has a request and an answer of its own; they meet only inside it.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type AnyExternal = External<any, any>;

export type Act = Verb<StepInput, StepValue> | { readonly plural: PluralVerb<StepInput, StepValue> } | AnyExternal;
export interface StepSpec { readonly name: string; readonly doc: string; readonly do: Act; readonly undo?: Act; readonly pivot?: true }

export const external = <Request, Result>(spec: External<Request, Result>): AnyExternal => spec;
/** A verb that is given all sagas that have come to its step at once. */
export const together = (plural: PluralVerb<StepInput, StepValue>): Act => ({ plural });

/** The job of a step's call; its data names the saga only, so it is made for each. */
const zCallData = { saga: z.string(), moves: z.int() };

function callOf(saga: () => Saga, step: string, move: Move, e: AnyExternal): AnyCall {
  const name = `${saga().name}.${step}${move === 'undo' ? '.undo' : ''}`;
  return call({
    // A call's deadline ends it, not a number of tries.
    job: job(name, { doc: e.doc, data: zCallData, attemptsMax: 32_767 }),
    request: (tx, data) => requestOf(tx, saga(), data, e.request),
    send: e.send, inquire: e.inquire,
    record: (tx, data, result) => recordCall(tx, saga(), data, (input) => e.outcome(tx, input, result)),
    expire: (tx, data) => recordCall(tx, saga(), data, undefined),
    sendBudgetMs: e.sendBudgetMs, visibilityMs: e.visibilityMs, deadlineMs: e.deadlineMs,
  });
}

/** Declares a saga; its manifest lists it under `sagas`. Throws when the steps cannot be told apart. */
export function saga<S extends z.ZodRawShape>(name: string, spec: {
  version: number; doc: string; owner: string; input: S & NothingPersonal<S>; steps: readonly StepSpec[]; deadlineMs: number;
}): Saga {
  const names = spec.steps.map((s) => s.name);
  if (new Set(names).size !== names.length || !names.length
    || names.length > STEPS_MAX) throw new Error(`${name}: 1 to ${STEPS_MAX} steps, each with a name of its own`);
  const calls: AnyCall[] = [];
  const act = (step: string, move: Move, what: Act): StepAction => {
    if (typeof what === 'function') return { kind: 'verb', verb: what };
    if ('plural' in what) return { kind: 'plural', plural: what.plural };
    const made = callOf(() => whole, step, move, what);
    calls.push(made);
    return { kind: 'call', call: made };
  };
  const steps: SagaStep[] = [];
  const whole: Saga = { kind: 'saga', name, version: spec.version, doc: spec.doc, owner: spec.owner, deadlineMs: spec.deadlineMs, steps, calls,
    input: z.strictObject(spec.input as z.ZodRawShape) };
  for (const s of spec.steps) {
    steps.push({ name: s.name, doc: s.doc, do: act(s.name, 'do', s.do), undo: s.undo && act(s.name, 'undo', s.undo), pivot: s.pivot });
  }
  return whole;
}
