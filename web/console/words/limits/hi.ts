import type { LimitWords } from './en.ts';

export const hi: LimitWords = {
  store: 'गिनती कहाँ होती है', stores: { process: 'हर प्रक्रिया अपने आप', redis: 'Redis में, सब प्रक्रियाएँ मिलकर' }, own: 'उत्तर देने वाली प्रक्रिया में, उसके आरंभ से', noCounters: 'अभी कुछ नहीं गिना गया। गिनती पहले अनुरोध से शुरू होती है।',
  name: 'सीमा', asked: 'पूछा गया', refused: 'अस्वीकार', leased: 'पहले से लिए टोकन से', away: 'जब भंडार उपलब्ध नहीं था', keys: 'रखी गई कुंजियाँ', shared: 'डेटाबेस में, इस कार्यालय के', noShared: 'अभी कोई नहीं। पहले साइन-इन के साथ दिखेंगे।', buckets: 'बाल्टियाँ', emptyBuckets: 'खाली',
  names: { address: 'एक पता', person: 'एक व्यक्ति', operator: 'एक संचालक' },
  second: 'दूसरा स्तर', seconds: { none: 'कोई नहीं', redis: 'Redis' }, caches: 'उत्तर देने वाली प्रक्रिया में, उसके आरंभ से', noCaches: 'अभी कोई कैश नहीं है। जब कोई उनकी रखी चीज़ देखेगा तब दिखेंगे।', cache: 'कैश', entries: 'प्रविष्टियाँ', most: 'अधिकतम', hits: 'मिले', hitRate: 'मिलने की दर', misses: 'नहीं मिले', loads: 'पढ़े गए', failed: 'असफल पठन',
  fenced: 'अस्वीकार भराव', stale: 'पुराने दिए गए', early: 'पहले से पढ़े गए', negative: 'ज्ञात: कुछ नहीं', fromSecond: 'दूसरे स्तर से', secondAway: 'दूसरा स्तर उपलब्ध नहीं', percent: '{n} %',
};
