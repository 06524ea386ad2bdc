import { z } from 'zod';
import { route } from '#kernel';
import { zLimits } from './contract.ts';
import { showLimits } from './service/database.ts';

export const limits = route('GET /limits', {
  summary: 'What each limit was asked and refused in the process that answers, and the tenant’s buckets in the database.',
  scope: 'limits:read', input: z.object({}), output: zLimits, problems: [], verb: showLimits, example: { input: {} },
});

export const routes = [limits];
