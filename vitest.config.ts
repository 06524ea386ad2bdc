import { defineConfig } from 'vitest/config';
import { missingParts } from './tools/prerequisites.mjs';

export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  test: {
    include: ['src/**/*.test.{ts,tsx}', 'test/**/*.test.{ts,tsx}', 'sim/**/*.test.{ts,tsx}'],
    globalSetup: 'test/global-setup.ts',
    pool: 'forks',
    maxWorkers: 2,
    retry: 0,
    // Bounds of waiting, not measures: machines differ by a factor of three.
    testTimeout: 60_000,
    hookTimeout: 90_000,
    // Tests ask `has('chromium')` of test/parts.ts; found out once, so that every file gets the same answer.
    env: { EXCHEQUER_MISSING: process.env['EXCHEQUER_MISSING'] ?? missingParts().map((part) => part.name).join(',') },
  },
});
