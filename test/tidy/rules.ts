import * as calls from './calls.ts';
import * as files from './files.ts';
import * as imports from './imports.ts';
import * as text from './text.ts';
import type { Rule } from './tree.ts';

const isRule = (value: unknown): value is Rule => typeof value === 'object' && value !== null && 'check' in value;

/** Every exported rule of the groups: a new one needs no registration. */
export const rules: readonly Rule[] = [imports, files, calls, text].flatMap((group) => Object.values(group)).filter(isRule);
