import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rules } from './tidy/rules.ts';
import { readTree } from './tidy/tree.ts';

const root = dirname(import.meta.dirname);
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'exchequer-new-')));
const node = (...args: string[]): { status: number | null; said: string } => {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  return { status, said: stdout + stderr };
};
const bin = (path: string): string => join(root, 'node_modules', path);
const make = (name: string): { status: number | null; said: string } => node(join(root, 'tools/new.mjs'), name);

beforeAll(() => {
  mkdirSync(join(folder, 'src'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  symlinkSync(join(root, 'src/kernel'), join(folder, 'src/kernel'));
  copyFileSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
  const tsconfig = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')) as Record<string, unknown>;
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ ...tsconfig, include: ['src/spine', 'src/products'] }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('npm run new writes modules that are tidy, typed, linted and tested at once', { timeout: 60_000 }, () => {
  for (const name of ['spine/vellum', 'products/parcel']) expect(make(name)).toMatchObject({ status: 0 });
  const tree = readTree(folder).filter((file) => file.module !== 'kernel');
  expect(tree.length).toBe(20);
  expect(rules.flatMap((rule) => rule.check(tree))).toEqual([]);
  expect(node(bin('typescript/bin/tsc'), '-p', 'tsconfig.json')).toEqual({ status: 0, said: '' });
  expect(node(bin('oxlint/bin/oxlint'), '--type-aware', '--deny-warnings', 'src/spine', 'src/products')).toMatchObject({ status: 0 });
  expect(node(bin('vitest/vitest.mjs'), 'run', '--root', folder, 'src/spine', 'src/products')).toMatchObject({ status: 0 });
});

it('refuses a name that is no module or is there already', () => {
  for (const name of ['', 'kernel/x', 'spine/Foo', 'spine/foo-bar', '../x']) expect(make(name)).toMatchObject({ status: 1 });
  mkdirSync(join(folder, 'src/platform/taken'), { recursive: true });
  expect(make('platform/taken')).toMatchObject({ status: 1, said: expect.stringContaining('already') as string });
});
