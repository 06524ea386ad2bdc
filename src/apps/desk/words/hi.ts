import type { Words } from '#kernel';
import type { en } from './en.ts';

export const hi: Words<typeof en> = {
  title: 'यहाँ काम करने वाले',
  lead: 'डेमो के हर कार्यालय में एक संचालक है। उनका ऑथेंटिकेटर फ़ोन पर होता; यहाँ वह यह पृष्ठ है।',
  none: 'उन्हें बनाया जा रहा है। थोड़ी देर में फिर देखें।',
  open: '{tenant} में साइन इन करें',
  name: 'नाम',
  password: 'पासवर्ड',
  code: 'अभी का कोड',
  left: '{code}, और {seconds} सेकंड तक। हर कोड एक ही बार चलता है: दूसरी बार साइन इन के लिए अगले की प्रतीक्षा करें।',
};
