import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { scan, type Scanned } from './scan.ts';

export const TIERS = ['spine', 'platform', 'products'] as const;
export type Tier = (typeof TIERS)[number];
export type Area = Tier | 'kernel' | 'kit' | 'adapters' | 'apps' | 'elsewhere';

export interface Import { readonly at: number; readonly from: string; readonly type: boolean }

export interface SourceFile extends Scanned {
  /** Path from the repository's root, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly area: Area;
  /** Node of the dependency graph: `spine/ledger`, `adapters/redis`, `kernel`, `kit`, `apps`; '' elsewhere. */
  readonly module: string;
  /** Path inside the module. */
  readonly file: string;
  readonly isTest: boolean;
  readonly imports: readonly Import[];
}
export type Tree = readonly SourceFile[];

/** One thing to mend; `at` is an index into the file's text. */
export interface Finding { readonly path: string; readonly line: number; readonly message: string }
export const finding = (file: SourceFile, at: number, message: string): Finding =>
  ({ path: file.path, line: file.text.slice(0, at).split('\n').length, message });

/** A rule with cases: each `bad` tree must give a finding and each `good` one none, else the rule itself is broken. */
export interface Rule {
  readonly name: string;
  readonly check: (tree: Tree) => Finding[];
  readonly bad: readonly Readonly<Record<string, string>>[];
  readonly good: readonly Readonly<Record<string, string>>[];
}

const IMPORT = /\b(import|export)\b((?:(?!\b(?:import|export)\b)[^;'"`])*?)\bfrom\s*['"]|\bimport\s*\(?\s*['"]/g;

function importsOf({ code }: Scanned, text: string): Import[] {
  return [...code.matchAll(IMPORT)].map((found) => {
    const at = found.index + found[0].length;
    const quote = code[at - 1] as string;
    return { at: found.index, from: text.slice(at, code.indexOf(quote, at)), type: /^\s*type\b/.test(found[2] ?? '') };
  });
}

export function sourceFile(path: string, text: string): SourceFile {
  const [top, area = '', name = ''] = path.split('/');
  const inTier = TIERS.some((tier) => tier === area) || area === 'adapters';
  const known = top === 'src' && (inTier || ['kernel', 'kit', 'apps'].includes(area));
  const module = !known ? '' : inTier ? `${area}/${name}` : area;
  const scanned = /\.(ts|tsx|mjs)$/.test(path) ? scan(text) : { code: text, bare: text, literals: [], comments: [] };
  return {
    ...scanned, path, text, module, area: known ? area as Area : 'elsewhere',
    file: module ? path.slice(`src/${module}/`.length) : path,
    isTest: /\.test\.tsx?$/.test(path), imports: importsOf(scanned, text),
  };
}

/** Where an import leads: a path from the root for relative ones, else undefined. */
export const relativeTarget = (file: SourceFile, from: string): string | undefined =>
  from.startsWith('.') ? posix.join(posix.dirname(file.path), from) : undefined;

/** What a `#…` import names. */
export interface Door { readonly area: Area; readonly module: string; readonly part: 'index' | 'port' | 'module' }
export function doorOf(from: string): Door | undefined {
  const [, area = '', name, part] = /^#(\w+)(?:\/([\w-]+))?(?:\/(port|module))?$/.exec(from) ?? [];
  if (area === 'kernel' || area === 'kit') return { area, module: area, part: 'index' };
  if (!name || !(area === 'adapters' || TIERS.some((tier) => tier === area))) return undefined;
  return { area: area as Area, module: `${area}/${name}`, part: (part as 'port' | 'module' | undefined) ?? 'index' };
}

/** Files of the three tiers, tests aside: where most rules hold. */
export const moduleFiles = (tree: Tree): SourceFile[] => tree.filter((file) => TIERS.some((tier) => tier === file.area) && !file.isTest);

const FOLDERS = ['src', 'test', 'sim', 'tools', 'bin'];
const READ = /\.(ts|tsx|mjs|sql|md)$/;

/** Reads the real tree. */
export function readTree(root: string): Tree {
  return FOLDERS.flatMap((folder) => {
    const entries = readdirSync(root).includes(folder) ? readdirSync(`${root}/${folder}`, { recursive: true, withFileTypes: true }) : [];
    return entries.filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules')).map((entry) => {
      const path = posix.join(entry.parentPath.slice(root.length + 1), entry.name);
      return sourceFile(path, READ.test(path) ? readFileSync(`${root}/${path}`, 'utf8') : '');
    });
  });
}

/** All matches of a global pattern as findings. */
export const matches = (file: SourceFile, where: string, pattern: RegExp, message: string): Finding[] =>
  [...where.matchAll(pattern)].map((found) => finding(file, found.index, message));
