import {
  doorOf, finding, moduleFiles, relativeTarget, TIERS, type Area, type Door, type Finding, type Import, type Rule, type SourceFile, type Tree,
} from './tree.ts';

const level = (area: Area): number => TIERS.findIndex((tier) => tier === area);

/** Modules of its own tier that the manifest says it needs. */
export function needsOf(tree: Tree, module: string): string[] | undefined {
  const manifest = tree.find((file) => file.path === `src/${module}/module.ts`);
  const list = manifest && /\bneeds:\s*\[([^\]]*)\]/.exec(manifest.bare);
  return list ? [...(list[1] ?? '').matchAll(/['"]([^'"]+)['"]/g)].map((found) => found[1] as string) : undefined;
}

/** The edge puts what a page's view returns into the kit's document, so it draws as well. */
const mayDraw = (file: SourceFile): boolean => /^(?:pages|islands)\b/.test(file.file) || file.module === 'platform/edge';

/** Why this file may not import that door; undefined when it may. */
function forbidden(file: SourceFile, door: Door, needs: readonly string[]): string | undefined {
  if (door.module === file.module) return 'a module reaches its own files by relative paths';
  if (file.isTest) return undefined;
  // Apps provide the adapter that stands behind a port, so they name the port's token.
  if (file.area === 'apps') return undefined;
  if (file.area === 'kernel') return 'the kernel imports nothing of ours';
  if (file.area === 'kit') return door.area === 'kernel' ? undefined : 'the kit imports the kernel only';
  if (file.area === 'adapters') return door.area === 'kernel' || door.part === 'port' ? undefined : 'adapters import #kernel and ports (#tier/name/port) only';
  if (door.area === 'kernel') return undefined;
  if (door.area === 'adapters' || door.part === 'module') return 'only apps import adapters and manifests';
  if (door.part === 'port') return 'only adapters import a port';
  if (door.area === 'kit') return mayDraw(file) ? undefined : 'only pages and islands import #kit';
  if (level(door.area) > level(file.area)) return `${file.area} may not import the higher tier ${door.area}; declare the need in the manifest`;
  if (level(door.area) === level(file.area) && !needs.includes(door.module)) return `list '${door.module}' in needs of module.ts`;
  return undefined;
}

export const tiers: Rule = {
  name: 'tiers: kernel ← spine ← platform ← products ← apps; kit ← pages; adapters ← apps',
  check: (tree) => tree.filter((file) => file.area !== 'elsewhere').flatMap((file) => file.imports.flatMap((each) => {
    if (!each.from.startsWith('#') || (each.from === '#test' && file.isTest)) return [];
    const door = doorOf(each.from);
    const why = door ? forbidden(file, door, needsOf(tree, file.module) ?? []) : `${each.from} is no door`;
    return why ? [finding(file, each.at, why)] : [];
  })),
  bad: [
    { 'src/kernel/x.ts': "import '#spine/a';" }, { 'src/spine/a/service.ts': "import { x } from '#platform/b';" },
    { 'src/spine/a/service.ts': "import { x } from '#spine/b';" },
    { 'src/platform/a/service.ts': "import type { x } from '#products/b';" }, { 'src/products/a/service.ts': "import { x } from '#adapters/redis';" },
    { 'src/products/a/service.ts': "import x from '#spine/b/module';" }, { 'src/products/a/service.ts': "import x from '#spine/b/port';" },
    { 'src/adapters/a/index.ts': "import x from '#spine/b';" }, { 'src/kit/x.tsx': "import x from '#spine/b';" },
    { 'src/products/a/service.ts': "import x from '#kit';" },
    { 'src/spine/a/service.ts': "const x = await import('#platform/b');" }, { 'src/spine/a/service.ts': "export * from '#spine/a';" },
    { 'src/spine/a/service.ts': "import '#test';" },
    { 'src/spine/a/service.ts': "import '#spine/b/store';" },
  ],
  good: [{
    'src/platform/a/module.ts': "export default defineModule({ name: 'platform/a', needs: ['platform/b'] });",
    'src/platform/a/service.ts': "import { k } from '#kernel';\nimport { x } from '#spine/c';\nimport { y } from '#platform/b';\n" +
      "// import '#products/x'\nconst s = \"from '#products/x'\";",
    'src/products/d/pages.tsx': "import { Shell } from '#kit';", 'src/adapters/e/index.ts': "import type { P } from '#spine/c/port';",
    'src/apps/start.ts': "import c from '#spine/c/module';\nimport '#adapters/e';", 'src/platform/edge/service/pages.ts': "import { document } from '#kit';",
    'src/spine/c/c.test.ts': "import { house } from '#test';\nimport c from '#platform/a/module';",
  }],
};

/** Same-tier modules that a module's own files import. */
const sameTier = (files: readonly SourceFile[]): Set<string> => new Set(files.flatMap((file) => file.imports.flatMap((each) => {
  const door = doorOf(each.from);
  return door && door.area === file.area && door.module !== file.module ? [door.module] : [];
})));

export const needs: Rule = {
  name: 'needs of a manifest equals the imports of its own tier, and its name is its folder',
  check: (tree) => moduleFiles(tree).filter((file) => file.file === 'module.ts').flatMap((file) => {
    const said = needsOf(tree, file.module);
    const real = sameTier(moduleFiles(tree).filter((other) => other.module === file.module));
    const name = /\bname:\s*['"]([^'"]+)['"]/.exec(file.bare)?.[1];
    return [
      ...(said ? [] : ['write needs: [] or the modules of the same tier as strings']),
      ...(name === file.module ? [] : [`name must be '${file.module}'`]),
      ...(said ?? []).filter((one) => !real.has(one)).map((one) => `needs lists ${one}, which no file imports`),
      ...[...real].filter((one) => !(said ?? []).includes(one)).map((one) => `needs lacks ${one}`),
    ].map((message) => finding(file, 0, message));
  }),
  bad: [
    { 'src/spine/a/module.ts': "defineModule({ name: 'spine/a', needs: ['spine/b'] })" }, { 'src/spine/a/module.ts': "defineModule({ name: 'spine/a' })" },
    { 'src/spine/a/module.ts': "defineModule({ name: 'spine/z', needs: [] })" },
    { 'src/spine/a/module.ts': "defineModule({ name: 'spine/a', needs: [] })", 'src/spine/a/contract.ts': "import type { X } from '#spine/b';" },
  ],
  good: [{ 'src/spine/a/module.ts': "defineModule({ name: 'spine/a', needs: ['spine/b'] })", 'src/spine/a/service.ts': "import { x } from '#spine/b';" }],
};

/** Nodes on a cycle, in order; undefined when there is none. */
function cycle(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] | undefined {
  const finished = new Set<string>();
  const visit = (node: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (finished.has(node)) return undefined;
    for (const next of edges.get(node) ?? []) {
      const found = visit(next, [...path, node]);
      if (found) return found;
    }
    finished.add(node);
    return undefined;
  };
  for (const node of edges.keys()) {
    const found = visit(node, []);
    if (found) return found;
  }
  return undefined;
}

export const acyclic: Rule = {
  name: 'the graph of modules has no cycle',
  check: (tree) => {
    const edges = new Map<string, Set<string>>();
    for (const file of tree.filter((each) => each.module && !each.isTest)) {
      const targets = file.imports.flatMap((each) => doorOf(each.from)?.module ?? []).filter((target) => target !== file.module);
      edges.set(file.module, new Set([...(edges.get(file.module) ?? []), ...targets]));
    }
    const found = cycle(edges);
    return found ? [{ path: `src/${found[0]}`, line: 1, message: `cycle: ${found.join(' → ')}` }] : [];
  },
  bad: [
    {
      'src/spine/a/service.ts': "import '#spine/b';", 'src/spine/b/service.ts': "import '#spine/c';",
      'src/spine/c/contract.ts': "import type { X } from '#spine/a';",
    },
  ],
  good: [{
    'src/spine/a/service.ts': "import '#spine/b';\nimport '#spine/c';", 'src/spine/b/service.ts': "import '#spine/c';",
    'src/spine/b/b.test.ts': "import '#spine/a';",
  }],
};

export const insideTheModule: Rule = {
  name: 'no relative import leaves its module',
  check: (tree) => tree.filter((file) => file.module).flatMap((file) => file.imports.flatMap((each) => {
    const target = relativeTarget(file, each.from);
    return target !== undefined && !target.startsWith(`src/${file.module}/`) ? [finding(file, each.at, 'import the door: #kernel, #spine/…, #test …')] : [];
  })),
  bad: [{ 'src/spine/a/service.ts': "import { x } from '../b/store.ts';" }, { 'src/kernel/x.test.ts': "import { x } from '../../test/house.ts';" }],
  good: [{ 'src/spine/a/service/open.ts': "import { x } from '../store.ts';\nimport { y } from './close.ts';" }],
};

export const outsiders: Rule = {
  name: 'simulated parties and the test model import nothing of src',
  check: (tree) => tree.filter((file) => /^(?:sim|test\/model)\//.test(file.path)).flatMap((file) => file.imports
    .filter((each) => each.from.startsWith('#') || relativeTarget(file, each.from)?.startsWith('src/'))
    .map((each) => finding(file, each.at, 'speak to the program over its protocol; an oracle that shares its code proves nothing'))),
  bad: [{ 'sim/bank/main.ts': "import { money } from '#kernel';" }, { 'test/model/ledger.ts': "import { x } from '../../src/kernel/money.ts';" }],
  good: [{ 'sim/bank/main.ts': "import { createServer } from 'node:http';\nimport './book.ts';", 'test/house.ts': "import '#kernel';" }],
};

interface Allowed {
  readonly files: RegExp;
  /** Own files by first part of their name ('contract', 'store' …); absent = any. */
  readonly own?: readonly string[];
  readonly doors: 'none' | 'types' | 'any';
  /** Where the kernel may be used as types only (an island's bundle must not carry it) or not at all (data). */
  readonly kernel?: 'types' | 'none';
}

/** The table of HOUSE.md §3, one line a kind of file. */
const TABLE: readonly Allowed[] = [
  { files: /^index\.ts$/, doors: 'none' },
  { files: /^contract\.ts$/, own: [], doors: 'types' },
  { files: /^service(?:\.ts$|\/)/, doors: 'any' },
  { files: /^rules(?:\.ts$|\/)/, own: ['contract', 'rules'], doors: 'types' },
  { files: /^store(?:\.ts$|\/)/, own: ['contract', 'store'], doors: 'types' },
  { files: /^routes\.ts$/, own: ['contract', 'service'], doors: 'any' },
  { files: /^pages(?:\.tsx$|\/)/, own: ['contract', 'routes', 'words', 'pages'], doors: 'types' },
  { files: /^(?:reactions|saga)\.ts$/, own: ['contract', 'service'], doors: 'any' },
  { files: /^port\.ts$/, own: ['contract'], doors: 'types' },
  { files: /^module\.ts$/, doors: 'none' },
  { files: /^demo\.ts$/, own: ['contract', 'routes'], doors: 'types' },
  { files: /^words\//, own: ['words'], doors: 'none' },
  { files: /^data\//, own: [], doors: 'none', kernel: 'none' },
  { files: /^islands\//, own: ['contract', 'words', 'islands'], doors: 'types', kernel: 'types' },
];

function tableFault(file: SourceFile, line: Allowed, each: Import): string | undefined {
  const target = relativeTarget(file, each.from);
  if (target !== undefined) {
    const own = target.slice(`src/${file.module}/`.length).split(/[./]/)[0] ?? '';
    if (!line.own || line.own.includes(own) || each.type) return undefined;
    return `${file.file} imports of its own files only: ${line.own.join(', ') || 'none'} (types of any)`;
  }
  const door = doorOf(each.from);
  if (!door) return undefined;
  const typed = (rule: string | undefined): string => (rule === 'types' ? '; import type' : '');
  if (door.area === 'kernel') {
    return !line.kernel || (line.kernel === 'types' && each.type) ? undefined : `${file.file} may not carry the kernel${typed(line.kernel)}`;
  }
  if (door.area === 'kit') return undefined; // the rule of tiers says who draws
  return line.doors === 'any' || (line.doors === 'types' && each.type) ? undefined : `${file.file} may not import ${each.from}${typed(line.doors)}`;
}

export const fileImports: Rule = {
  name: 'each kind of file imports only what its line of the table says',
  check: (tree) => moduleFiles(tree).flatMap((file): Finding[] => {
    const line = TABLE.find((each) => each.files.test(file.file));
    return line ? file.imports.flatMap((each) => {
      const fault = tableFault(file, line, each);
      return fault ? [finding(file, each.at, fault)] : [];
    }) : [];
  }),
  bad: [
    { 'src/spine/a/contract.ts': "import { x } from './service.ts';" }, { 'src/products/a/contract.ts': "import { x } from '#spine/b';" },
    { 'src/spine/a/rules.ts': "import { x } from './store.ts';" }, { 'src/spine/a/store.ts': "import { x } from './service.ts';" },
    { 'src/products/a/routes.ts': "import { x } from './store.ts';" }, { 'src/products/a/pages.tsx': "import { x } from './service.ts';" },
    { 'src/products/a/pages/home.tsx': "import { x } from '../store.ts';" }, { 'src/products/a/pages.tsx': "import { x } from '#spine/b';" },
    { 'src/spine/a/port.ts': "import { x } from './service.ts';" }, { 'src/products/a/demo.ts': "import { x } from './service.ts';" },
    { 'src/products/a/words/en.ts': "import { x } from '../contract.ts';" }, { 'src/products/a/data/rates.ts': "import { x } from '#kernel';" },
    { 'src/products/a/islands/live.tsx': "import { money } from '#kernel';" },
    { 'src/spine/a/index.ts': "export * from '#kernel';\nexport * from '#spine/b';" },
  ],
  good: [{
    'src/products/a/contract.ts': "import { z } from 'zod';\nimport { problem } from '#kernel';\nimport type { X } from '#spine/b';",
    'src/products/a/routes.ts': "import { c } from './contract.ts';\nimport { open } from './service/open.ts';",
    'src/products/a/service/open.ts': "import { y } from '../store.ts';\nimport { x } from '#spine/b';",
    'src/products/a/pages/home.tsx': "import { en } from '../words/en.ts';\nimport { Shell } from '#kit';\nimport { part } from './part.tsx';",
    'src/products/a/rules.ts': "import type { Row } from './store.ts';", 'src/products/a/islands/live.tsx': "import type { Money } from '#kernel';",
  }],
};
