import { language } from '../../parts/client.ts';
import { en, type SpineWords } from '../../words/spine/en.ts';
import { hi } from '../../words/spine/hi.ts';

export const spine: SpineWords = language === 'hi' ? hi : en;
export const LIVE_MS = 5_000;
