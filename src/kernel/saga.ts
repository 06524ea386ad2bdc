import type { z } from 'zod';
import type { PluralVerb, Verb } from './batch.ts';
import type { AnyCall } from './call.ts';
import type { Uuid } from './id.ts';

/** What a step leaves for later ones: ids, codes, dates and amounts as text; never personal data. */
export type StepValue = Readonly<Record<string, string | number | boolean | null>>;

/** What a step's verb is given. `values` holds what each step that was done left, by its name. */
export interface StepInput {
  readonly saga: Uuid;
  /** The caller's own name for the saga: one saga a name and key. */
  readonly key: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly values: Readonly<Record<string, StepValue>>;
}

/**
 * What a step does: a verb whose effect and record commit together, or a call to the outside whose answer and record do. A plural
 * verb is given every saga that has come to this step at once, in one transaction.
 */
export type StepAction =
  | { readonly kind: 'verb'; readonly verb: Verb<StepInput, StepValue> }
  | { readonly kind: 'plural'; readonly plural: PluralVerb<StepInput, StepValue> }
  | { readonly kind: 'call'; readonly call: AnyCall };

export interface SagaStep {
  readonly name: string;
  readonly doc: string;
  readonly do: StepAction;
  /** Takes the step back. It may be asked for when nothing was done, and then changes nothing. Without one there is nothing to take back. */
  readonly undo?: StepAction | undefined;
  /** From here on there is no way back: a later refusal waits for a person. */
  readonly pivot?: true | undefined;
}

/** Steps that belong together over several transactions and the outside: all are done, or those that were are taken back in reverse. */
export interface Saga {
  readonly kind: 'saga';
  readonly name: string;
  /** A saga goes on by the version under which it began, so a changed one is listed beside the old one until that has no open ones. */
  readonly version: number;
  readonly doc: string;
  /** Who decides when it is stuck: the team's name, as the alert says it. */
  readonly owner: string;
  readonly input: z.ZodObject;
  readonly steps: readonly SagaStep[];
  /** How long it may take before a person is asked. Passing it refuses nothing. */
  readonly deadlineMs: number;
  /** Calls of its external steps, which the workers of jobs run. */
  readonly calls: readonly AnyCall[];
}
