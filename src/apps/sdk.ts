import { z } from 'zod';
import type { AnyRoute, Module } from '#kernel';
import { operationId } from '#platform/edge';

type Json = Readonly<Record<string, unknown>>;
const NAME = /^[A-Za-z_$][\w$]*$/;

/** A JSON schema as a TypeScript type; what it cannot say is `unknown`. */
export function typeOf(schema: Json): string {
  const many = (schema.anyOf ?? schema.oneOf) as readonly Json[] | undefined;
  if (many) return [...new Set(many.map(typeOf))].join(' | ');
  if ('const' in schema) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (Array.isArray(schema.type)) return schema.type.map((type: string) => typeOf({ ...schema, type })).join(' | ');
  switch (schema.type) {
    case 'string': case 'boolean': case 'null': return schema.type;
    case 'integer': case 'number': return 'number';
    case 'array': return `readonly (${typeOf((schema.items ?? {}) as Json)})[]`;
    case 'object': return objectType(schema);
    default: return 'unknown';
  }
}

function objectType(schema: Json): string {
  const required = new Set((schema.required ?? []) as string[]);
  const members = Object.entries((schema.properties ?? {}) as Record<string, Json>)
    .map(([name, of]) => `readonly ${NAME.test(name) ? name : JSON.stringify(name)}${required.has(name) ? '' : '?'}: ${typeOf(of)}`);
  const rest = schema.additionalProperties;
  if (!members.length && typeof rest === 'object' && rest !== null) return `Readonly<Record<string, ${typeOf(rest as Json)}>>`;
  return members.length ? `{ ${members.join('; ')} }` : 'Readonly<Record<string, never>>';
}

const schemaOf = (schema: z.ZodType): Json => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json;

function inputType(route: AnyRoute): { type: string; optional: boolean } {
  const schema = schemaOf(route.input as z.ZodType);
  const properties = (schema.properties ?? {}) as Record<string, Json>;
  if (!Object.keys(properties).length) return { type: 'Readonly<Record<string, never>>', optional: true };
  const type = typeOf(schema);
  return {
    type: route.consumes === 'ndjson' ? type.replace(/readonly body: \w+/, 'readonly body: string | Uint8Array') : type,
    optional: !((schema.required ?? []) as string[]).length,
  };
}

const HEAD = '// Written by `npm run docs` from the routes; edits here are lost.\n';

const CLIENT = `
/** An answer that is no success: RFC 9457, with the trace of its request. */
export class Refused extends Error {
  constructor(problem, retryAfterSeconds) {
    super(problem.title ?? String(problem.status));
    this.name = 'Refused';
    this.problem = problem;
    this.code = String(problem.type ?? '').replace('/problems/', '');
    this.status = problem.status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** A client of one tenant's address. */
export function createClient({ base = '', fetch: send = globalThis.fetch, headers: always = {} } = {}) {
  const call = async (method, path, input = {}, { signal, key, headers = {} } = {}) => {
    const { params = {}, query = {}, body } = input;
    const filled = path.replace(/:(\\w+)/g, (_, name) => encodeURIComponent(params[name]));
    const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined)).toString();
    const lines = typeof body === 'string' || body instanceof Uint8Array;
    const answer = await send(base + '/api' + filled + (search ? '?' + search : ''), {
      method, signal, body: body === undefined || lines ? body : JSON.stringify(body),
      headers: {
        accept: 'application/json', ...(body === undefined ? {} : { 'content-type': lines ? 'application/x-ndjson' : 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }), ...always, ...headers,
      },
    });
    if (answer.ok) return answer.json();
    const problem = await answer.json().catch(() => ({ status: answer.status, title: answer.statusText }));
    throw new Refused(problem, Number(answer.headers.get('retry-after')) || undefined);
  };
  return Object.fromEntries(Object.entries(routes).map(([name, [method, path]]) => [name, (input, options) => call(method, path, input, options)]));
}
`;

const TYPES = `
export interface Problem { readonly type: string; readonly title: string; readonly status: number; readonly detail?: string; readonly trace: string;
  readonly errors?: readonly { readonly field: string; readonly message: string }[]; readonly [member: string]: unknown }
/** An answer that is no success: RFC 9457, with the trace of its request. */
export declare class Refused extends Error {
  readonly problem: Problem;
  /** The last part of \`type\`: see docs/reference/problems.md. */
  readonly code: string;
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
}
export interface CallOptions { readonly signal?: AbortSignal; /** Idempotency-Key: the same key is done once. */ readonly key?: string;
  readonly headers?: Readonly<Record<string, string>> }
export interface ClientOptions { /** Address of the tenant without a slash at its end; '' in a page of it. */ readonly base?: string;
  readonly fetch?: typeof globalThis.fetch; readonly headers?: Readonly<Record<string, string>> }
/** Every method throws Refused where the route refuses. Amounts are decimal strings of minor units. */
export declare function createClient(options?: ClientOptions): Client;
`;

/** The client of every route: JavaScript and its types. */
export function sdk(modules: readonly Module[]): Record<string, string> {
  const routes = modules.flatMap((m) => m.routes ?? []);
  const rows = routes.map((r) => `  ${operationId(r)}: ['${r.method}', '${r.path}'],`);
  const types = routes.map((r) => {
    const input = inputType(r);
    return `  /** ${r.summary} Scope: ${r.scope}. */\n  ${operationId(r)}(input${input.optional ? '?' : ''}: ${input.type}, options?: CallOptions): `
      + `Promise<${typeOf(schemaOf(r.output as z.ZodType))}>;`;
  });
  return {
    'sdk/index.js': `${HEAD}\nconst routes = {\n${rows.join('\n')}\n};\n${CLIENT}`,
    'sdk/index.d.ts': `${HEAD}${TYPES}export interface Client {\n${types.join('\n')}\n}\n`,
  };
}
