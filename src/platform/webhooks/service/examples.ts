import { productOf, type EventType, type Module } from '#kernel';
import { z } from 'zod';
import { FIRST_PAYLOAD_VERSION, type zCatalogued } from '../contract.ts';
import { dataIn, render } from '../rules.ts';

/** Examples of events: made from their schemas, the same each time, with ids that belong to nobody. */

interface Schema {
  readonly type?: string | readonly string[]; readonly const?: unknown; readonly enum?: readonly unknown[]; readonly examples?: readonly unknown[];
  readonly anyOf?: readonly Schema[]; readonly oneOf?: readonly Schema[]; readonly format?: string; readonly pattern?: string;
  readonly minLength?: number; readonly maxLength?: number; readonly minimum?: number; readonly exclusiveMinimum?: number; readonly maximum?: number;
  readonly items?: Schema; readonly minItems?: number; readonly properties?: Readonly<Record<string, Schema>>; readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
}

const AT = new Date(`${FIRST_PAYLOAD_VERSION}T08:00:00.000Z`);
/** Fields of type string that hold a word and no id, by their names; modules say of the others what they are by a pattern, a list or an example. */
const WORDS = new Set(['state', 'kind', 'code', 'reason', 'change', 'name', 'step', 'owner', 'channel', 'problem', 'slug']);
const FORMATS: Readonly<Record<string, string>> = { 'date-time': AT.toISOString(), date: FIRST_PAYLOAD_VERSION, email: 'nobody@example.com',
  uri: 'https://example.com/', uuid: '00000000-0000-7000-8000-000000000001' };
/** What texts with a pattern usually are; the first that fits is taken. */
const USUAL = ['12345', '1', 'INR', FIRST_PAYLOAD_VERSION, AT.toISOString(), 'example', 'example.first'];

const nobody = (no: number): string => no.toString(16).padStart(32, '0');

function text(schema: Schema, name: string, no: number): string {
  const usual = FORMATS[schema.format ?? ''];
  if (usual !== undefined) return usual;
  if (schema.pattern !== undefined) {
    const pattern = new RegExp(schema.pattern);
    const prefix = /^\^([a-z]+)_/.exec(schema.pattern)?.[1];
    const found = [...(prefix === undefined ? [] : [`${prefix}_${nobody(no)}`]), nobody(no), ...USUAL].find((one) => pattern.test(one));
    if (found === undefined) throw new RangeError(`no example fits ${schema.pattern}: give the field one (examples)`);
    return found;
  }
  const plain = name === 'currency' ? 'INR' : WORDS.has(name) ? 'example' : nobody(no);
  return plain.padEnd(schema.minLength ?? 0, '0').slice(0, schema.maxLength);
}

const number = (s: Schema): number => {
  const least = s.minimum ?? (s.exclusiveMinimum === undefined ? undefined : s.exclusiveMinimum + 1);
  // What zod says of a whole number that has no bounds of its own.
  return least !== undefined && least > 1 ? least : s.maximum !== undefined && s.maximum < 1 ? s.maximum : 1;
};

/** A value that fits a schema. `name` and `no` are of the field that it stands in. */
export function valueOf(schema: Schema, name = '', no = 1): unknown {
  if (schema.examples?.length) return schema.examples[0];
  if ('const' in schema) return schema.const;
  if (schema.enum) return schema.enum[0];
  const first = (schema.anyOf ?? schema.oneOf)?.[0];
  if (first) return valueOf(first, name, no);
  switch (Array.isArray(schema.type) ? schema.type[0] as string : schema.type) {
    case 'string': return text(schema, name, no);
    case 'integer': case 'number': return number(schema);
    case 'boolean': return true;
    case 'null': return null;
    case 'array': return Array.from({ length: Math.max(1, schema.minItems ?? 1) }, (_, i) => valueOf(schema.items ?? {}, name, no + i));
    case 'object': return Object.fromEntries([
      ...Object.entries(schema.properties ?? {}).map(([key, of], i) => [key, valueOf(of, key, i + 1)]),
      ...(typeof schema.additionalProperties === 'object' ? [['example', valueOf(schema.additionalProperties, 'example')]] : []),
    ]);
    default: return 'example';
  }
}

const schemaOf = (type: EventType): Schema => {
  const { $schema: _, ...rest } = z.toJSONSchema(type.data, { io: 'input', unrepresentable: 'any' }) as Schema & { $schema?: string };
  return rest;
};

/** Data of an event as it is today: the example of its own newest version, where it has one. */
export const exampleOf = (type: EventType): Readonly<Record<string, unknown>> =>
  type.downcast?.[type.version]?.example ?? valueOf(schemaOf(type)) as Record<string, unknown>;

/** What a field holds, in the words of JSON Schema: `string`, `integer`, `"hold" | "transfer"`, `string | null`. */
function kindOf(s: Schema): string {
  const any = s.anyOf ?? s.oneOf;
  if (any) return any.map(kindOf).join(' | ');
  if (s.enum) return s.enum.map((one) => JSON.stringify(one)).join(' | ');
  if ('const' in s) return JSON.stringify(s.const);
  if (s.type === 'array') return `(${kindOf(s.items ?? {})})[]`;
  const types = Array.isArray(s.type) ? s.type as readonly string[] : [s.type as string | undefined ?? 'any'];
  return `${types.join(' | ')}${s.format === undefined ? '' : ` (${s.format})`}`;
}
const patternOf = (s: Schema): string | null => s.pattern ?? s.anyOf?.find((one) => one.pattern !== undefined)?.pattern ?? null;

/** One event as developers read of it: when it happens, what it holds, and the exact body of each of its versions. */
export function catalogued(type: EventType): z.output<typeof zCatalogued> {
  const schema = schemaOf(type);
  const example = JSON.stringify(exampleOf(type));
  const versions = Array.from({ length: type.version }, (_, i) => type.version - i).map((version) => {
    const since = type.downcast?.[version]?.since ?? FIRST_PAYLOAD_VERSION;
    const data = dataIn(since, type, type.version, example);
    return { version, since, body: data === undefined ? null : render({ id: nobody(1), topic: type.name, at: AT, data }).toString('utf8') };
  });
  return { name: type.name, doc: type.doc, schema: JSON.stringify(schema), versions,
    fields: Object.entries(schema.properties ?? {}).map(([name, of]) => ({ name: schema.required?.includes(name) ? name : `${name}?`, type: kindOf(of),
      pattern: patternOf(of) })) };
}

/** What may happen at a tenant: events of products that it has not turned on never do. */
export function happening(offered: ReadonlyMap<string, EventType>, modules: readonly Module[], products: readonly string[]): EventType[] {
  const never = new Set(modules.flatMap((m) => {
    const product = productOf(m);
    return product === undefined || products.includes(product) ? [] : (m.events ?? []).map((e) => e.name);
  }));
  return [...offered.values()].filter((e) => !never.has(e.name)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
