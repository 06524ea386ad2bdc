import { z } from 'zod';

declare const personalMark: unique symbol;
/** A schema whose value is about a person. It does not compile in an event or a job. */
export type Personal<S extends z.ZodType = z.ZodType> = S & { readonly [personalMark]: string };

const kinds = z.registry<{ personal: string }>();

/** Marks a contract field as personal data of a kind ('name', 'phone', 'identifier' …); the privacy map is read off these marks. */
export function personal<S extends z.ZodType>(kind: string, schema: S): Personal<S> {
  const marked = schema.clone() as z.ZodType;
  kinds.add(marked, { personal: kind });
  return marked as unknown as Personal<S>;
}
/** The personal kind of a schema, or undefined. */
export const personalKind = (schema: z.ZodType): string | undefined => kinds.get(schema)?.personal;

/** A shape none of whose fields is about a person. */
export type NothingPersonal<S extends z.ZodRawShape> = { [K in keyof S]: S[K] extends Personal ? never : S[K] };

type Shape = Readonly<Record<string, unknown>>;
/** How a version of an event's data came about, for receivers outside the program, which were built for the one before. */
export interface VersionBegan {
  /** The day, `2027-02-01`, from which new receivers get it. */
  readonly since: string;
  /** Data of this version, to show what changes. */
  readonly example: Shape;
  /** Makes data of this version into that of the one before; pure. Without it nobody can be sent the one before any more. */
  readonly make?: (data: Shape) => Shape;
}

/** Something that happened, told to subscribers after the commit, at least once, in order per key. Carries ids, codes, dates and amounts only. */
export interface EventType<Name extends string = string, S extends z.ZodRawShape = z.ZodRawShape> {
  readonly kind: 'event';
  readonly name: Name;
  readonly version: number;
  readonly doc: string;
  readonly data: z.ZodObject<S>;
  /** A person of the office has to look: it stands among the alerts until somebody has. */
  readonly alert?: true;
  /** Makes data of an older version into that of the next one; pure. Every version below the present one has its step. */
  readonly upcast?: Readonly<Record<number, (data: Shape) => Shape>>;
  /** The way back: what each version behind the first began with, by its number. */
  readonly downcast?: Readonly<Record<number, VersionBegan>>;
}
export type EventData<E extends EventType> = z.output<E['data']>;

/** Declares an event type: `event('taxrefund.changed', {version: 1, doc, data: {…}})`. */
export const event = <Name extends string, S extends z.ZodRawShape>(
  name: Name, spec: { version: number; doc: string; data: S & NothingPersonal<S>; alert?: true;
    upcast?: NonNullable<EventType['upcast']>; downcast?: NonNullable<EventType['downcast']> },
): EventType<Name, S> => ({ kind: 'event', name, version: spec.version, doc: spec.doc, data: z.strictObject(spec.data as S) as unknown as z.ZodObject<S>,
  ...(spec.alert ? { alert: true } : {}), ...(spec.upcast ? { upcast: spec.upcast } : {}), ...(spec.downcast ? { downcast: spec.downcast } : {}) });

/** An event's data as its type is today, whatever version wrote it. Throws for one that is newer than this program, or that has no way up. */
export function dataOf<E extends EventType>(type: E, version: number, stored: Readonly<Record<string, unknown>>): EventData<E> {
  if (version > type.version) throw new RangeError(`${type.name} of version ${version} is newer than this program`);
  let data = stored;
  for (let v = version; v < type.version; v++) {
    const up = type.upcast?.[v];
    if (!up) throw new RangeError(`${type.name} has no way up from version ${v}`);
    data = up(data);
  }
  return type.data.parse(data) as EventData<E>;
}

/** An event's data in the shape of another version than it was written in; undefined where no way leads there. */
export function shapeOf(type: EventType, written: number, wanted: number, stored: Shape): Shape | undefined {
  let data: Shape | undefined = stored;
  for (let v = written; v < wanted && data; v++) data = type.upcast?.[v]?.(data);
  for (let v = written; v > wanted && data; v--) data = type.downcast?.[v]?.make?.(data);
  return data;
}

/** Work to be done later by a verb, at least once, in its own transaction. */
export interface JobType<Name extends string = string, S extends z.ZodRawShape = z.ZodRawShape> {
  readonly kind: 'job';
  readonly name: Name;
  readonly doc: string;
  readonly data: z.ZodObject<S>;
  /** Tries before the job becomes a dead letter. */
  readonly attemptsMax: number;
  readonly priority: JobPriority;
  /** True where its handler takes many at once, in one transaction a tenant. */
  readonly many: boolean;
}
/** `urgent` never waits behind `usual`, nor `usual` behind `bulk`. */
export type JobPriority = 'urgent' | 'usual' | 'bulk';
export const job = <Name extends string, S extends z.ZodRawShape>(
  name: Name, spec: { doc: string; data: S & NothingPersonal<S>; attemptsMax?: number; priority?: JobPriority; many?: true },
): JobType<Name, S> => ({
  kind: 'job', name, doc: spec.doc, data: z.strictObject(spec.data as S) as unknown as z.ZodObject<S>, attemptsMax: spec.attemptsMax ?? 10,
  priority: spec.priority ?? 'usual', many: spec.many ?? false,
});
