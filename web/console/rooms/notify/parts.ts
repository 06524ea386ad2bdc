import { language } from '../../parts/client.ts';
import { en } from '../../words/notify/en.ts';
import { hi } from '../../words/notify/hi.ts';

/** This room's own words: they are loaded with it. */
export const w = language === 'hi' ? hi : en;
