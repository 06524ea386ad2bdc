import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

// A rule that is spelled wrong, or that needs types and gets none, passes in silence. So each must find its violation.
const root = dirname(import.meta.dirname);
const folder = mkdtempSync(join(tmpdir(), 'exchequer-lint-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const lines = (n: number, text: string): string => Array.from({ length: n }, () => text).join('\n');
const CASES: Record<string, { rule: string; bad: string; fine: string }> = {
  any: { rule: 'typescript(no-explicit-any)', bad: 'export const x = (y: any): void => void y;', fine: 'export const x = (y: unknown): void => void y;' },
  floating: {
    rule: 'typescript(no-floating-promises)',
    bad: 'export const work = async (): Promise<number> => 1;\nwork();',
    fine: 'export const work = async (): Promise<number> => 1;\nvoid work();',
  },
  misused: {
    rule: 'typescript(no-misused-promises)',
    bad: '[1].forEach(async () => { await Promise.resolve(); });',
    fine: 'await Promise.all([1].map(async () => { await Promise.resolve(); }));\nexport {};',
  },
  exhaustive: {
    rule: 'typescript(switch-exhaustiveness-check)',
    bad: "export function f(x: 'a' | 'b'): void {\n  switch (x) {\n    case 'a': return;\n  }\n}",
    fine: "export function f(x: 'a' | 'b'): void {\n  switch (x) {\n    case 'a': return;\n    case 'b': return;\n  }\n}",
  },
  longfile: { rule: 'eslint(max-lines)', bad: `export {};\n${lines(400, '// line')}`, fine: `export {};\n${lines(399, '// line')}` },
  longfunction: {
    rule: 'eslint(max-lines-per-function)',
    bad: `export function f(): void {\n${lines(69, '  // line')}\n}`,
    fine: `export function f(): void {\n${lines(68, '  // line')}\n}`,
  },
  equality: {
    rule: 'eslint(eqeqeq)',
    bad: 'export const f = (a: unknown, b: unknown): boolean => a == b;',
    fine: 'export const f = (a: unknown): boolean => a == null;',
  },
};

interface Report { diagnostics: { code: string; severity: string; filename: string }[] }

it('each lint rule finds its violation, as an error, and nothing else', { timeout: 20_000 }, () => {
  copyFileSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
  const compilerOptions = { target: 'es2024', lib: ['es2024'], module: 'nodenext', strict: true, types: [] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src', 'test'] }));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules')); // oxlint looks for its type checker beside what it reads
  for (const sub of ['src', 'test']) mkdirSync(join(folder, sub));
  for (const [name, { bad, fine }] of Object.entries(CASES)) {
    writeFileSync(join(folder, 'src', `${name}.bad.ts`), bad);
    writeFileSync(join(folder, 'src', `${name}.fine.ts`), fine);
  }
  writeFileSync(join(folder, 'test', 'long.test.ts'), CASES['longfunction']?.bad ?? '');
  const oxlint = join(root, 'node_modules/oxlint/bin/oxlint');
  const { status, stdout } = spawnSync(process.execPath, [oxlint, '--type-aware', '--format=json', 'src', 'test'], { cwd: folder, encoding: 'utf8' });
  const found = (JSON.parse(stdout) as Report).diagnostics.map(({ code, severity, filename }) => `${filename.replace(/^.*?src\//, '')}: ${severity} ${code}`);
  expect(found.toSorted()).toEqual(Object.entries(CASES).map(([name, { rule }]) => `${name}.bad.ts: error ${rule}`).toSorted());
  expect(status).toBe(1);
});
