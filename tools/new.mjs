// npm run new -- <tier>/<name>: writes a module's files so that types, lint and tidy are green before the first edit.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = process.cwd();
const [, tier, name] = /^(spine|platform|products)\/([a-z][a-z0-9]{1,30})$/.exec(process.argv[2] ?? '') ?? [];
if (!tier || !name) {
  process.stderr.write('npm run new -- <spine|platform|products>/<name>   (one lower-case word; it is also the name of the schema)\n');
  process.exit(1);
}
const folder = join(root, 'src', tier, name);
if (existsSync(folder)) {
  process.stderr.write(`src/${tier}/${name} is there already\n`);
  process.exit(1);
}
for (const [file, text] of Object.entries({ ...core(name, tier), ...(tier === 'products' ? words(name) : {}) })) {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), `${text.trim()}\n`);
}
process.stdout.write(`src/${tier}/${name} is written. Next: its README, then contract.ts; list its manifest where src/apps lists the others.\n`);

function core(name, tier) {
  const Name = name.charAt(0).toUpperCase() + name.slice(1);
  return {
    'README.md': readme(name, tier),
    'index.ts': `
export * from './contract.ts';
export { add${Name} } from './service.ts';`,
    'contract.ts': contract(name, Name),
    'service.ts': service(name, Name),
    'rules.ts': `
/** The name as it is kept and compared: one Unicode form, no space around it. */
export const keptName = (typed: string): string => typed.normalize('NFC').trim();`,
    'store.ts': store(name, Name),
    'module.ts': `
import { defineModule } from '#kernel';
import { ${name}NameTaken, ${Name}Added } from './contract.ts';

export default defineModule({
  name: '${tier}/${name}',
  doc: 'Write here in one sentence what this module is for.',
  needs: [],
  migrations: new URL('./migrations/', import.meta.url),
  tables: { '${name}.${name}': { app: ['select', 'insert'], auditor: ['select'] } },
  problems: [${name}NameTaken],
  events: [${Name}Added],
});`,
    [`migrations/0001_create_${name}.sql`]: `
create table ${name}.${name} (
  tenant uuid not null,
  id uuid not null,
  name text not null,
  created_at timestamptz not null,
  primary key (tenant, id),
  unique (tenant, name)
);
comment on table ${name}.${name} is 'One row for each ${name} of a tenant, by name.';`,
    [`${name}.test.ts`]: test(name, tier),
  };
}

function readme(name, tier) {
  return `
# ${tier}/${name}

## Purpose
Keeps each ${name} of a tenant under a name that is its own.

## Words
*${name}*: say here what the field calls it.

## States
None.

## Tables
\`${name}.${name}\`: one row for each ${name} of a tenant.

## Events
\`${name}.added\`: one was added.

## Problems
\`${name}-name-taken\`: another one bears the name.

## Limits
\`NAME_CHARS_MAX\`: length of a name.

## Not here
What a reader may look for in vain.`;
}

function contract(name, Name) {
  return `
import { z } from 'zod';
import { event, problem, zId, zInstant, zText } from '#kernel';

export const NAME_CHARS_MAX = 80;

/** What is sent to add one. */
export const zNew${Name} = z.strictObject({ name: zText(NAME_CHARS_MAX) });
export type New${Name} = z.output<typeof zNew${Name}>;

export const z${Name} = z.strictObject({ id: zId('${name}'), name: z.string(), createdAt: zInstant });
export type ${Name} = z.output<typeof z${Name}>;

export const ${name}NameTaken = problem('${name}-name-taken', {
  status: 409, title: 'This name is taken.', doc: 'Choose another name; the one that bears it stays as it is.',
});

export const ${Name}Added = event('${name}.added', { version: 1, doc: 'One was added.', data: { id: zId('${name}') } });`;
}

function service(name, Name) {
  return `
import { done, idOf, refuse, type Outcome, type Tx } from '#kernel';
import { ${name}NameTaken, ${Name}Added, type New${Name}, type ${Name} } from './contract.ts';
import { keptName } from './rules.ts';
import { insert${Name} } from './store.ts';

/** Adds one under a name that no other of the tenant bears. */
export async function add${Name}(tx: Tx, input: New${Name}): Promise<Outcome<${Name}>> {
  const row = { id: tx.uuid(), name: keptName(input.name), createdAt: tx.now };
  if (!await insert${Name}(tx.sql, tx.tenant.id, row)) return refuse(${name}NameTaken);
  const id = idOf('${name}', row.id);
  tx.emit(${Name}Added, id, { id });
  return done({ ...row, id });
}`;
}

function store(name, Name) {
  return `
import type { SqlTag, Uuid } from '#kernel';

export interface ${Name}Row { readonly id: Uuid; readonly name: string; readonly createdAt: Date }

/** False when the name is taken. */
export const insert${Name} = async (sql: SqlTag, tenant: Uuid, row: ${Name}Row): Promise<boolean> => (await sql\`
  insert into ${name}.${name} (tenant, id, name, created_at) values (\${tenant}, \${row.id}, \${row.name}, \${row.createdAt})
  on conflict (tenant, name) do nothing returning id\`).length === 1;`;
}

function words() {
  const head = (language) => `/** ${language} text of the pages; the same keys in every language. */`;
  return {
    'words/en.ts': `
${head('English')}
export const en = { title: 'Title of the page' };`,
    'words/hi.ts': `
import type { Words } from '#kernel';
import type { en } from './en.ts';

${head('Hindi')}
export const hi: Words<typeof en> = { title: 'पृष्ठ का शीर्षक' };`,
  };
}

function test(name, tier) {
  const product = tier === 'products';
  return `
import { expect, it } from 'vitest';
import manifest from './module.ts';
import { keptName } from './rules.ts';
${product ? "import { en } from './words/en.ts';\nimport { hi } from './words/hi.ts';\n" : ''}
it('keeps a name in one form', () => {
  expect(keptName('  e\\u0301cole ')).toBe('\\u00e9cole');
});

it('gives each database role what it needs, by table', () => {
  expect(Object.keys(manifest.tables ?? {})).toEqual(['${name}.${name}']);
});
${product ? "\nit('says the same things in every language', () => {\n  expect(Object.keys(hi)).toEqual(Object.keys(en));\n});" : ''}`;
}
