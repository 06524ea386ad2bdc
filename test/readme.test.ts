import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Measured { readonly what: string; readonly figure: string; readonly baseline: string; readonly command: string; readonly value: number; readonly bench: string; readonly key: string }
const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const measured = JSON.parse(read('docs/measured.json')) as { figures: Measured[]; lines: Record<string, { figures: Record<string, number> }> };

describe('README.md', () => {
  it('shows five measured figures, each with its command and baseline, as docs/measured.json has them', () => {
    expect(measured.figures).toHaveLength(5);
    for (const m of measured.figures) expect(read('README.md')).toContain(`| ${m.what} | ${m.figure} | ${m.baseline} | \`${m.command}\` |`);
  });
  it('shows figures that stand in the last line of a bench', () => {
    for (const m of measured.figures) {
      expect(measured.lines[m.bench]?.figures[m.key]).toBe(m.value);
      expect(m.figure).toContain(String(m.value));
    }
  });
});
