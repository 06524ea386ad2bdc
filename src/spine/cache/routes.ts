import { z } from 'zod';
import { route } from '#kernel';
import { zCaches } from './contract.ts';
import { showCaches } from './service/follow.ts';

export const caches = route('GET /caches', {
  summary: 'What the caches of the process that answers have done since it began: hits, loads, what was stale, refused or read from the second level.',
  scope: 'cache:read', input: z.object({}), output: zCaches, problems: [], verb: showCaches, example: { input: {} },
});

export const routes = [caches];
