import type { Words } from '#kernel';
import type { en } from './en.ts';

export const hi: Words<typeof en> = { title: 'कंसोल', script: 'कंसोल के लिए JavaScript चाहिए। इस साइट के लिए इसे चालू करें, या प्रोग्राम के कमांड का उपयोग करें।', machines: 'मशीनें इसके बिना भी सँभाली जा सकती हैं।' };
