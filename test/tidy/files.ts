import { doorOf, finding, matches, moduleFiles, relativeTarget, TIERS, type Finding, type Rule, type SourceFile, type Tree } from './tree.ts';

const NAME = '[a-z][a-z0-9-]*';
const FILES = new RegExp(`^(?:${[
  'README\\.md', '(?:index|contract|service|rules|store|routes|reactions|saga|port|module|demo)\\.ts', 'pages\\.tsx',
  `(?:service|rules|store)/${NAME}\\.ts`, `pages/${NAME}\\.tsx`, 'words/[a-z]{2,3}(?:-[a-z]{2,12})?\\.ts', 'data/.+', `islands/${NAME}\\.tsx`,
  'migrations/\\d{4}_[a-z]+(?:_[a-z0-9]+)+\\.sql', `(?:(?:service|rules|store|pages|islands)/)?${NAME}\\.test\\.tsx?`,
].join('|')})$`);
const VAGUE = /(?:^|\/)(?:utils?|helpers?|common|managers?|base|misc|shared)(?:\/|\.)/;
const DOOR_LINES = 15;
const REQUIRED = ['README.md', 'index.ts', 'contract.ts', 'module.ts'];

const inTiers = (tree: Tree): SourceFile[] => tree.filter((file) => TIERS.some((tier) => tier === file.area));

export const closedNames: Rule = {
  name: 'a module holds only the kinds of file that every module has',
  check: (tree) => [
    ...inTiers(tree).filter((file) => !FILES.test(file.file)).map((file) => finding(file, 0, 'no such kind of file; see HOUSE §3')),
    ...tree.filter((file) => /^(?:src|sim)\//.test(file.path) && VAGUE.test(file.path)).map((file) => finding(file, 0, 'name it after what it does')),
    ...inTiers(tree).filter((file) => /^(?:service|rules|store)\.ts$|^pages\.tsx$/.test(file.file)).flatMap((file) => {
      const folder = file.path.replace(/\.tsx?$/, '/');
      const both = tree.some((other) => other.path.startsWith(folder) && !other.isTest);
      return both ? [finding(file, 0, `either this file or the folder ${folder}, not both`)] : [];
    }),
  ],
  bad: [
    'src/spine/a/types.ts', 'src/spine/a/service/Open.ts', 'src/spine/a/words/english.ts', 'src/spine/a/migrations/1_x.sql',
    'src/spine/a/migrations/0001_tables.sql',
    'src/spine/a/pages.ts', 'src/spine/README.md', 'src/kernel/utils.ts', 'src/adapters/redis/helpers/x.ts',
  ].map((path) => ({ [path]: '' })).concat([{ 'src/spine/a/store.ts': '', 'src/spine/a/store/x.ts': '' }]),
  good: [Object.fromEntries([
    'README.md', 'index.ts', 'contract.ts', 'service/open-account.ts', 'service/open-account.test.ts', 'rules.ts', 'store.ts', 'routes.ts', 'pages/home.tsx',
    'reactions.ts', 'saga.ts', 'port.ts', 'module.ts', 'demo.ts', 'words/en.ts', 'data/rates-2026.json', 'islands/live.tsx',
    'migrations/0001_create_account.sql', 'ledger.test.ts',
  ].map((name) => [`src/spine/a/${name}`, ''])), { 'src/kernel/anything.ts': '', 'src/apps/start/roles.ts': '', 'src/adapters/redis/pool.ts': '' }],
};

export const wholeModules: Rule = {
  name: `every module has ${REQUIRED.join(', ')}`,
  check: (tree) => [...new Set(inTiers(tree).map((file) => file.module))].flatMap((module) => REQUIRED
    .filter((name) => !tree.some((file) => file.path === `src/${module}/${name}`))
    .map((name) => ({ path: `src/${module}/${name}`, line: 1, message: 'is missing' }))),
  bad: [{ 'src/spine/a/index.ts': '' }],
  good: [Object.fromEntries(REQUIRED.map((name) => [`src/spine/a/${name}`, '']))],
};

export const smallDoors: Rule = {
  name: `a door only re-exports, in fewer than ${DOOR_LINES} lines`,
  check: (tree) => moduleFiles(tree).filter((file) => file.file === 'index.ts').flatMap((file) => [
    ...(file.text.trimEnd().split('\n').length < DOOR_LINES ? [] :
      [finding(file, 0, `${DOOR_LINES} lines or more: others need less of you, or this is two modules`)]),
    ...matches(file, file.code, /\b(?:const|let|function|class|interface|import)\b|\bexport default\b/g, 'a door only re-exports'),
  ]),
  bad: [{ 'src/spine/a/index.ts': "export * from './contract.ts';\n".repeat(DOOR_LINES) }, { 'src/spine/a/index.ts': 'export const x = 1;' }],
  good: [{
    'src/spine/a/index.ts': "export * from './contract.ts';\nexport {\n  open, type Opened,\n} from './service.ts';\n",
    'src/kernel/index.ts': "export * from './x.ts';\n".repeat(30),
  }],
};

const SQL_TAG = /\bsql(?:<[^`;]*>)?`|\.query\(/g;
const OWN_SQL = /\b(?:from|join|into|update|table(?: if (?:not )?exists)?|references|truncate|on)\s+"?([a-z_][a-z0-9_]*)"?\."?[a-z_]/gi;
/** Qualified names that are no table of another module: the catalogue, and what `excluded.x` or an alias `on a.id = b.id` gives. */
const NOT_A_SCHEMA = /^(?:pg_catalog|information_schema|excluded)$/;

const ON_TABLE = /\b(?:index|trigger|policy|privileges|grant|revoke|comment|table)\b[^;]*$/i;

function foreignSchemas(file: SourceFile): Finding[] {
  const schema = file.module.slice(file.module.indexOf('/') + 1).replaceAll('-', '_');
  const parts = file.path.endsWith('.sql') ? [{ at: 0, value: file.text.replace(/--[^\n]*|'[^']*'/g, (part) => ' '.repeat(part.length)) }] : file.literals;
  return parts.flatMap((part) => [...part.value.matchAll(OWN_SQL)].filter((found) => {
    const name = found[1] as string;
    // `join x on x.id = …` compares columns; `create index … on schema.table` names a table.
    const column = /^on\b/i.test(found[0]) && !ON_TABLE.test(part.value.slice(0, found.index));
    return name !== schema && !column && !NOT_A_SCHEMA.test(name);
  }).map((found) => finding(file, part.at + found.index, `only the schema ${schema} is this module’s; ask the door of ${found[1]}`)));
}

export const ownSchema: Rule = {
  name: 'SQL stands only in store.ts, on the module’s own schema',
  check: (tree) => moduleFiles(tree).flatMap((file) => {
    if (/^(?:store(?:\.ts$|\/)|migrations\/)/.test(file.file)) return foreignSchemas(file);
    return /\.tsx?$/.test(file.file) ? matches(file, file.code, SQL_TAG, 'SQL belongs in store.ts, as a named function') : [];
  }),
  bad: [
    { 'src/spine/a/service.ts': 'await tx.sql`select 1`;' }, { 'src/spine/a/service.ts': 'await tx.sql<{ id: string }>`select 1`;' },
    { 'src/spine/a/store.ts': 'export const f = (sql) => sql`select 1 from ledger.account`;' },
    { 'src/spine/a/store.ts': 'sql`select 1 from a.x join b.y on x.id = y.id`' },
    { 'src/spine/a/migrations/0001_create_x.sql': 'create table b.x (id int);' }, { 'src/spine/a/migrations/0001_create_x.sql': 'create index i on b.x (id);' },
    { 'src/spine/a/migrations/0001_create_x.sql': 'create table a.x (id uuid references ledger.account (id));' },
  ],
  good: [
    {
      'src/spine/a/store.ts': 'sql`insert into a.x (id) select u.id from unnest(${ids}) u join a.y on y.id = u.id ' +
        'on conflict (id) do update set n = excluded.n from a.z where z.id = x.id`',
    },
    { 'src/spine/a/migrations/0001_create_x.sql': "create table a.x (id int);\ncreate index x_i on a.x (id);\ncomment on table a.x is 'Copied from b.x.';" },
    { 'src/spine/a/a.test.ts': 'sql`select 1 from b.x`', 'src/spine/a/service.ts': 'const rows = await open(tx.sql, id);' },
  ],
};

/** Files that are reached by name and not by an import. */
const ENTRY = /^src\/apps\/main\.ts$|\.test\.tsx?$|\/(?:module|index)\.ts$|\/islands\/|\/data\//;

function referenced(tree: Tree): Set<string> {
  return new Set(tree.flatMap((file) => [
    ...file.imports.flatMap((each) => {
      const door = doorOf(each.from);
      if (door) return door.area === 'kernel' || door.area === 'kit' ? `src/${door.module}/index.ts` : `src/${door.module}/${door.part}.ts`;
      return relativeTarget(file, each.from) ?? [];
    }),
    // A worker or a process of our own: new URL('./writer.ts', import.meta.url).
    ...file.literals.filter((literal) => /^\.{1,2}\/.*\.tsx?$/.test(literal.value)).map((literal) => relativeTarget(file, literal.value) ?? ''),
  ]));
}

export const noDeadFiles: Rule = {
  name: 'no file that nothing reaches',
  check: (tree) => {
    const used = referenced(tree);
    return tree.filter((file) => /^src\/.*\.tsx?$/.test(file.path) && !ENTRY.test(file.path) && !used.has(file.path))
      .map((file) => finding(file, 0, 'nothing imports this file'));
  },
  bad: [{ 'src/spine/a/rules.ts': '', 'src/spine/a/service.ts': "import './store.ts';" }],
  good: [{
    'src/apps/main.ts': "const { start } = await import('./start.ts');", 'src/apps/start.ts': "new Worker(new URL('./hash.ts', import.meta.url));",
    'src/apps/hash.ts': '',
    'src/spine/a/port.ts': '', 'src/adapters/b/index.ts': "import type { P } from '#spine/a/port';",
    'src/spine/a/index.ts': "export * from './contract.ts';", 'src/spine/a/contract.ts': '',
  }],
};
