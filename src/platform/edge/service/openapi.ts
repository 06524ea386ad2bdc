import { z } from 'zod';
import { common, type AnyRoute, type Module, type Problem } from '#kernel';
import { API_VERSIONS, unknownVersion } from '../contract.ts';

type Json = Record<string, unknown>;

const schemaOf = (schema: z.ZodType): Json => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json;
  return rest;
};

function parameters(shape: Json | undefined, where: 'path' | 'query'): Json[] {
  const properties = (shape?.properties ?? {}) as Record<string, Json>;
  const required = new Set((shape?.required ?? []) as string[]);
  return Object.entries(properties).map(([name, schema]) => ({ name, in: where, required: where === 'path' || required.has(name), schema }));
}

const problemAnswer = (problems: readonly Problem[]): Json => ({
  description: problems.map((p) => `${p.code}: ${p.title}`).join('\n'),
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});

/** A route's name in the description and in the client: `getLedgerAccountsAccount`. */
export const operationId = (route: AnyRoute): string =>
  `${route.method.toLowerCase()}${route.path.replace(/[^A-Za-z0-9]+(.)?/g, (_, c: string | undefined) => (c ?? '').toUpperCase())}`;

function operation(route: AnyRoute, modules: readonly Module[]): Json {
  const input = schemaOf(route.input as z.ZodType);
  const parts = (input.properties ?? {}) as Record<string, Json>;
  const always = [unknownVersion, common.malformed, common.tooMany, common.unavailable, common.internal,
    ...(route.scope === 'public' ? [] : [common.signedOut, common.forbidden])];
  const byStatus = Map.groupBy([...route.problems, ...always, ...(route.idempotent ? [common.inFlight, common.keyReused, common.keyMissing] : [])], (p) =>
    p.status);
  const owner = modules.find((m) => m.routes?.includes(route))?.name ?? '';
  return {
    operationId: operationId(route),
    summary: route.summary, tags: [owner], 'x-scope': route.scope,
    ...(route.scope === 'public' ? {} : { security: [{ bearer: [] }] }),
    parameters: [
      ...parameters(parts.params, 'path'), ...parameters(parts.query, 'query'),
      { $ref: '#/components/parameters/Version' },
      ...(route.idempotent ? [{ name: 'Idempotency-Key', in: 'header', required: route.idempotent === 'required',
        schema: { type: 'string', minLength: 8, maxLength: 128 } }] : []),
    ],
    ...(route.method === 'GET' ? {} : { requestBody: { content: route.consumes === 'ndjson'
      ? { 'application/x-ndjson': { schema: { type: 'string' } } }
        : { 'application/json': { schema: parts.body ?? {}, example: (route.example.input as Json).body } } } }),
    responses: {
      [route.status ?? 200]: { description: 'Done',
        content: { 'application/json': { schema: schemaOf(route.output as z.ZodType),
          ...(route.example.output === undefined ? {} : { example: route.example.output as Json }) } } },
      ...Object.fromEntries([...byStatus].map(([status, problems]) => [status, problemAnswer(problems)])),
    },
  };
}

/** The OpenAPI 3.1 description of every mounted route. */
export function openApi(modules: readonly Module[]): Json {
  const paths: Record<string, Json> = {};
  for (const route of modules.flatMap((m) => m.routes ?? [])) {
    const path = `/api${route.path.replace(/:(\w+)/g, '{$1}')}`;
    (paths[path] ??= {})[route.method.toLowerCase()] = operation(route, modules);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Exchequer', version: '0.1.0', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths,
    components: {
      parameters: { Version: { name: 'Exchequer-Version', in: 'header', required: false, schema: { type: 'string', enum: API_VERSIONS } } },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: { Problem: { type: 'object', required: ['type', 'title', 'status', 'trace'], properties: {
        type: { type: 'string' }, title: { type: 'string' }, status: { type: 'integer' }, detail: { type: 'string' }, trace: { type: 'string' } } } },
    },
  };
}
