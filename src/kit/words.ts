import type { Language, Words } from '#kernel';
import { en } from './words/en.ts';
import { hi } from './words/hi.ts';

/** The kit's own text in a language. */
export const kitWords = (language: Language): Words<typeof en> => (language === 'hi' ? hi : en);
