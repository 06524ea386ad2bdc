import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rules } from './tidy/rules.ts';
import { scan } from './tidy/scan.ts';
import { readTree, sourceFile, type Finding, type Rule, type Tree } from './tidy/tree.ts';

const CPU_MS_MAX = 1000;
const fixture = (sources: Readonly<Record<string, string>>): Tree => Object.entries(sources).map(([path, source]) => sourceFile(path, source));

function look(): { found: Map<Rule, Finding[]>; cpuMs: number } {
  const from = process.cpuUsage();
  const real = readTree(dirname(import.meta.dirname));
  const found = new Map(rules.map((rule) => [rule, rule.check(real)]));
  const { user, system } = process.cpuUsage(from);
  return { found, cpuMs: (user + system) / 1000 };
}
const { found, cpuMs } = look();

describe.each(rules.map((rule) => [rule.name, rule] as const))('%s', (_, rule) => {
  it('holds in the tree', () => {
    expect((found.get(rule) ?? []).map(({ path, line, message }) => `${path}:${line} ${message}`)).toEqual([]);
  });
  it('finds each violation', () => {
    expect(rule.bad.length).toBeGreaterThan(0);
    for (const sources of rule.bad) expect(rule.check(fixture(sources)), JSON.stringify(sources)).not.toEqual([]);
  });
  it('leaves what is right alone', () => {
    for (const sources of rule.good) expect(rule.check(fixture(sources))).toEqual([]);
  });
});

describe('the scanner', () => {
  const cases: Record<string, [text: string, code: string]> = {
    strings: ["a('x\\'y', \"z\")", "a('    ', \" \")"],
    comments: ['a // x\nb /* y\nz */ c', 'a     \nb     \n     c'],
    'templates with code in them': ['a`x${b({ c: `y${d}z` })}w` e', 'a` ${b({ c: ` ${d} ` })} ` e'],
    'regular expressions': ["x.replace(/['\"]/g, y) / 2; return /`/", 'x.replace(/      , y) / 2; return /  '],
    'JSX with an apostrophe': ['<p>Don’t</p> <b>it\'s</b> {x}', '<p>Don’t</p> <b>it\'s</b> {x}'],
    'self-closing tags': ["<X a={b} /><Y c='d' />", "<X a={b} /><Y c=' ' />"],
  };
  it.each(Object.entries(cases))('tells %s from code', (_, [source, code]) => {
    expect(scan(source).code).toBe(code);
  });
});

it(`reads the tree and checks every rule within ${CPU_MS_MAX} ms of processor time`, () => {
  // What runs beside it on the same core can double one measure.
  expect(cpuMs < CPU_MS_MAX ? cpuMs : look().cpuMs).toBeLessThan(CPU_MS_MAX);
});
