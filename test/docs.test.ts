import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { references } from '../src/apps/docs.ts';

describe('docs/reference', () => {
  it.each(Object.entries(references()))('%s is what the manifests say; run npm run docs', (path, text) => {
    expect(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')).toBe(text);
  });
});
