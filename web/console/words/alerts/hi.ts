import type { AlertWords } from './en.ts';

export const hi: AlertWords = {
  state: 'स्थिति', states: { open: 'खुला', closed: 'देख लिया गया' }, list: 'चेतावनियाँ', empty: 'किसी को कुछ देखने की ज़रूरत नहीं है।', noneOf: 'इस स्थिति में कोई नहीं है।', what: 'क्या हुआ', about: 'किसके बारे में', last: 'पिछली बार', times: 'कितनी बार',
  request: 'अनुरोध', close: 'देख लिया', closing: 'एक क्षण', closedAt: 'कब देखा गया', closedBy: 'किसने', look: 'देखें', failed: 'यह स्वीकार नहीं हुआ: {title}',
  topics: {
    'webhooks.endpoint-disabled': 'एक वेबहुक एंडपॉइंट बंद कर दिया गया', 'webhooks.delivery-dead': 'एक वेबहुक भेजना छोड़ दिया गया', 'notify.dead': 'एक संदेश किसी तक नहीं पहुँचा',
    'saga.stuck': 'एक सागा किसी व्यक्ति की प्रतीक्षा में है', 'identity.codes-undelivered': 'साइन-इन के कोड किसी तक नहीं पहुँचे',
    'wallet.hit-found': 'एक खाताधारक प्रतिबंध सूची के किसी व्यक्ति जैसा है',
    'jobs.dead': 'एक काम का अंतिम प्रयास विफल रहा',
  },
};
