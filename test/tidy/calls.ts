import { closing } from './scan.ts';
import { finding, matches, moduleFiles, type Finding, type Rule, type SourceFile, type Tree } from './tree.ts';

interface Ban {
  readonly pattern: RegExp;
  readonly instead: string;
  /** Where the call has its place. */
  readonly except?: RegExp;
  readonly in?: RegExp;
}

const SRC = /^src\//;
/** An island runs in a browser, where the kernel's clock does not exist. */
const TIMERS_MAY = /^src\/kernel\/(clock|batch)\.ts$|\/islands\//;
const BANS: readonly Ban[] = [
  { pattern: /\bDate\.now\(/g, instead: 'tx.now, or a Clock', except: /^src\/kernel\/clock\.ts$/ },
  { pattern: /\bnew Date(?:\(\s*\)|(?!\s*\())/g, instead: 'tx.now, or a Clock', except: /^src\/kernel\/clock\.ts$/ },
  { pattern: /\bperformance\.now\b/g, instead: 'clock.monotonicMs()', except: /^src\/kernel\/clock\.ts$/ },
  { pattern: /\bset(?:Timeout|Interval|Immediate)\b/g, instead: 'clock.sleep or clock.every', except: TIMERS_MAY },
  { pattern: /\bMath\.random\b/g, instead: 'tx.random, or a seeded generator', in: /^(src|sim|test)\// },
  {
    pattern: /\b(?:randomUUID|randomBytes|randomInt|randomFillSync|getRandomValues)\b/g, instead: 'tx.random or tx.id; systemRandom outside a transaction',
    except: /^src\/kernel\/random\.ts$/,
  },
  { pattern: /\bprocess\.env\b/g, instead: "a setting of the module's config; environment() of #kernel in apps", except: /^src\/kernel\/config\.ts$/ },
];

export const bannedCalls: Rule = {
  name: 'time, randomness, timers and environment have one source each',
  check: (tree) => tree.flatMap((file) => BANS.flatMap((ban) =>
    (ban.in ?? SRC).test(file.path) && !ban.except?.test(file.path) ? matches(file, file.code, ban.pattern, `use ${ban.instead}`) : [])),
  bad: [
    'Date.now()', 'new Date()', 'new Date;', 'Math.random()', 'randomUUID()', "import { randomBytes } from 'node:crypto';", 'process.env.X', 'setTimeout(f, 1)',
    'setInterval(f, 1)', 'setImmediate(f)', 'performance.now()',
  ].map((text) => ({ 'src/spine/a/service.ts': text })),
  good: [
    { 'src/spine/a/service.ts': "new Date(row.at); // not Date.now()\nconst s = 'process.env';" },
    { 'src/kernel/clock.ts': 'new Date(); setTimeout(f, 1)', 'tools/x.mjs': 'process.env.X', 'src/products/a/islands/x.tsx': 'setTimeout(f, 1)' },
  ],
};

const FLOATS = /\bparseFloat\(|\bNumber\(|\.toFixed\(/g;

export const moneyIsWhole: Rule = {
  name: 'money is never a floating point number',
  check: (tree) => tree.filter((file) => SRC.test(file.path)).flatMap((file) => [...file.code.matchAll(FLOATS)].filter((found) => {
    const from = file.code.lastIndexOf('\n', found.index) + 1;
    const to = file.code.indexOf('\n', found.index);
    return /money|amount|minor/i.test(file.code.slice(from, to < 0 ? undefined : to));
  }).map((found) => finding(file, found.index, 'use Money, scaleMoney, divideRounded or formatMoney; amounts are bigint'))),
  bad: ['Number(row.amount)', 'parseFloat(money)', 'minorUnits.toFixed(2)'].map((text) => ({ 'src/products/a/service.ts': text })),
  good: [{ 'src/products/a/service.ts': 'const days = Number(row.days);\nconst amount = row.amount;' }],
};

const SQL_CLOCK = /\b(?:now|clock_timestamp|statement_timestamp|transaction_timestamp)\s*\(\s*\)|\bcurrent_(?:timestamp|date|time)\b|\blocaltime/gi;
/** The transaction reads the clock once for its tenant, a statement that stands alone as `databaseTime`; a migration is nobody's time, so apps/migrate stamps its own rows. */
const SQL_CLOCK_MAY = /^src\/kernel\/(?:tx|roles|sql)\.ts$|^src\/apps\/migrate\.ts$/;

export const sqlClock: Rule = {
  name: 'SQL does not read the clock',
  check: (tree) => tree.filter((file) => SRC.test(file.path) && !SQL_CLOCK_MAY.test(file.path)).flatMap((file) => {
    const message = 'pass tx.now as a value: it carries the tenant’s clock';
    if (file.path.endsWith('.sql')) return matches(file, file.text.replace(/--[^\n]*|'[^']*'/g, (part) => ' '.repeat(part.length)), SQL_CLOCK, message);
    return file.literals.flatMap((literal) => [...literal.value.matchAll(SQL_CLOCK)]
      .filter(() => /\b(?:select|insert|update|delete|where|values|set)\b/i.test(literal.value))
      .map((found) => finding(file, literal.at + found.index, message)));
  }),
  bad: [
    { 'src/spine/a/store.ts': 'sql`select 1 where at < now()`' }, { 'src/spine/a/store.ts': 'sql`update a.b set at = CURRENT_TIMESTAMP`' },
    { 'src/spine/a/migrations/0001_create_x.sql': 'create table a.x (at timestamptz default clock_timestamp());' },
  ],
  good: [{
    'src/spine/a/store.ts': 'sql`select 1 where at < ${tx.now()}`; const say = "right now() there";',
    'src/kernel/tx.ts': 'sql`select clock_timestamp()`',
  }],
};

export const plainContracts: Rule = {
  name: 'contract.ts is plain data that goes both ways over the wire',
  check: (tree) => moduleFiles(tree).filter((file) => file.file === 'contract.ts').flatMap((file) => [
    ...matches(file, file.code, /\.transform\(|\bz\.(?:bigint|date|coerce)\b/g,
      'use a codec of #kernel: zAmount, zMoney, zInstant, zDate; OpenAPI needs both directions'),
    ...matches(file, file.code, /\bfunction\b|\basync\b|\bawait\b|=>\s*\{/g, 'a contract has no function bodies; put them into rules.ts'),
    ...matches(file, file.code, /\bsql(?:<[^`;]*>)?`/g, 'SQL belongs in store.ts'),
  ]),
  bad: [
    'z.string().transform(f)', 'z.bigint()', 'z.date()', 'z.coerce.number()', 'export function f() { return 1; }', 'const f = (x) => {\n return x; };',
    'sql`select 1`',
  ].map((text) => ({ 'src/spine/a/contract.ts': text })),
  good: [{
    'src/spine/a/contract.ts': "const a = z.custom<X>((v) => typeof v === 'string', 'not a function');\n" +
      "export const b = z.codec(z.string(), z.int(), { decode: (t) => f(t), encode: (n) => g(n) });",
  }],
};

export const pureRules: Rule = {
  name: 'rules.ts is pure: no tx, no waiting',
  check: (tree) => moduleFiles(tree).filter((file) => /^rules(\.ts|\/)/.test(file.file))
    .flatMap((file) => matches(file, file.code, /\b(?:tx|await|async|Promise)\b/g, 'decide on values here; read and write in service.ts')),
  bad: ['export const f = (tx) => tx.now;', 'await x;', 'async () => 1'].map((text) => ({ 'src/spine/a/rules.ts': text })),
  good: [{
    'src/spine/a/rules.ts': '/** Called inside a tx, after the await. */\nexport const f = (now: Date): boolean => now > x;',
    'src/spine/a/service.ts': 'await tx.sql',
  }],
};

const PROBLEM = /\bconst (\w+) = problem\(/g;

function thrown(tree: Tree): Finding[] {
  const names = new Set(tree.flatMap((file) => [...file.code.matchAll(PROBLEM)].map((found) => found[1] as string)));
  const check = (file: SourceFile): Finding[] => [...file.code.matchAll(/\bthrow\b([^;\n]*)/g)].filter((found) => {
    const said = found[1] ?? '';
    return /\b(?:refuse|problem)\(|\bcommon\.\w+/.test(said) || [...said.matchAll(/[A-Za-z_$][\w$]*/g)].some(([name]) => names.has(name));
  }).map((found) => finding(file, found.index, 'return refuse(problem): a refusal commits, a throw is for bugs'));
  return moduleFiles(tree).flatMap(check);
}

export const refusalsAreReturned: Rule = {
  name: 'a listed problem is refused, never thrown',
  check: thrown,
  bad: [
    { 'src/spine/a/contract.ts': "export const soldOut = problem('sold-out', {});", 'src/spine/a/service.ts': 'throw new Failure(soldOut);' },
    { 'src/spine/a/service.ts': 'throw refuse(x);' }, { 'src/spine/a/service.ts': 'throw common.notFound;' },
  ],
  good: [{
    'src/spine/a/contract.ts': "export const soldOut = problem('sold-out', {});",
    'src/spine/a/service.ts': "if (x) throw new Error('soldOut is a bug');\nreturn refuse(soldOut);",
  }],
};

export const honestTests: Rule = {
  name: 'no test is switched off, alone or tried again',
  check: (tree) => tree.filter((file) => file.isTest || /^(test|sim)\//.test(file.path)).flatMap((file) => [
    ...matches(file, file.code, /\b(?:it|test|describe|suite|bench)(?:\.\w+)*\.(?:skip|only|todo|fails)\b/g,
      'run it or delete it; `it.runIf(has(part))` for a part that may be missing'),
    ...matches(file, file.code, /\bretry\s*:\s*[1-9]|\.retry\(/g, 'find out why it fails now and then'),
  ]),
  bad: ["it.skip('x', f)", "describe.only('x', f)", "it.concurrent.only('x', f)", "test.todo('x')", "it('x', { retry: 2 }, f)"]
    .map((text) => ({ 'src/spine/a/a.test.ts': text })),
  good: [{ 'src/spine/a/a.test.ts': "it.runIf(has('chromium'))('x', f); list.skip(2); // it.only", 'vitest.config.ts': 'retry: 0' }],
};

const DOCUMENTED = /\b(problem|event|job|setting)\(\s*['"]/g;

/** Where the sentences of each kind begin; in `code`, where the insides of strings are spaces. */
const DOC = /\bdoc:\s*['"`]/;
const SENTENCES: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  problem: { doc: DOC, title: /\btitle:\s*['"`]/ }, event: { doc: DOC }, job: { doc: DOC }, setting: { sentence: /^\(\s*['"]\s*['"]\s*,\s*['"`]/ },
};

/** True when the string that begins behind `pattern` in a part of the file says something: two words at least. */
function says(file: SourceFile, from: number, to: number, pattern: RegExp): boolean {
  const found = pattern.exec(file.code.slice(from, to));
  const at = found ? from + found.index + found[0].length : -1;
  return file.literals.some((literal) => literal.at === at && /\S\s+\S/.test(literal.value));
}

function undocumentedCalls(file: SourceFile): Finding[] {
  return [...file.code.matchAll(DOCUMENTED)].flatMap((found) => {
    const kind = found[1] as string;
    const open = file.code.indexOf('(', found.index);
    const to = closing(file.code, open);
    return Object.entries(SENTENCES[kind] ?? {}).filter(([, pattern]) => !says(file, open, to, pattern))
      .map(([key]) => finding(file, found.index, `this ${kind} needs a ${key} in words`));
  });
}

/** Every sentence that the reference pages are made of must be there. */
export const documented: Rule = {
  name: 'every problem, event, job, setting and table has a sentence of documentation',
  check: (tree) => tree.filter((file) => SRC.test(file.path) && !file.isTest)
    .flatMap((file) => (file.path.endsWith('.sql') ? undocumentedTables(file) : undocumentedCalls(file))),
  bad: [
    { 'src/spine/a/contract.ts': "export const x = problem('x', { status: 409, title: 'It is sold out.', doc: '' });" },
    { 'src/spine/a/contract.ts': "export const x = problem('x', { status: 409, doc: 'Choose another item.' });" },
    { 'src/spine/a/contract.ts': "export const X = event('a.x', { version: 1, data: {} });" },
    { 'src/spine/a/contract.ts': "export const X = job('a.x', { doc: 'x', data: {} });" },
    { 'src/spine/a/module.ts': "setting('PORT', '', envInt(1, 1, 2))" },
    { 'src/spine/a/migrations/0001_create_x.sql': "create table a.x (id int);\ncreate table a.y (id int);\ncomment on table a.x is 'What is x.';" },
  ],
  good: [{
    'src/spine/a/contract.ts': "export const x = problem('x', {\n status: 409, title: 'It is sold out.',\n doc: 'Choose another item.' });\n" +
      "export const E = event('a.x', { doc: 'A thing changed.', data: {} });",
    'src/spine/a/module.ts': "setting('PORT', 'Where the server listens.', envInt(1, 1, 2))",
    'src/spine/a/migrations/0001_create_x.sql': "create table a.x (id int);\ncreate table a.x_1 partition of a.x default;\n" +
      "comment on table a.x is 'What is x.';",
  }],
};

function undocumentedTables(file: SourceFile): Finding[] {
  return [...file.text.matchAll(/\bcreate\s+(?:unlogged\s+)?table\s+(?:if not exists\s+)?([\w."]+)(?![\w."]|\s+partition\s+of)/gi)]
    .filter((found) => !new RegExp(`comment on table ${(found[1] as string).replaceAll('.', '\\.')} is '[^']*\\S\\s+\\S`, 'i').test(file.text))
    .map((found) => finding(file, found.index, `comment on table ${found[1]} is missing in this file`));
}
