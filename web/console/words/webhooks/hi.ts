import type { WebhookWords } from './en.ts';

export const hi: WebhookWords = {
  list: 'एंडपॉइंट', empty: 'अभी कोई एंडपॉइंट नहीं है। नीचे बनाएँ; उसकी गुप्त कुंजी एक ही बार दिखती है।', url: 'पता', events: 'घटनाएँ', state: 'स्थिति', waiting: 'प्रतीक्षा में', dead: 'असफल', failures: 'लगातार असफलताएँ',
  states: { active: 'चालू', disabled: 'बंद' }, breakers: { closed: 'सब लेता है', open: 'असफलताओं के बाद विराम में', probing: 'फिर परखा जा रहा है' },
  reasons: { gone: 'उसने 410 कहा: उसे और कुछ नहीं चाहिए।', failing: 'कई दिनों तक एक भी सफलता नहीं हुई।', 'by hand': 'किसी ने इसे बंद किया।' },
  make: 'नया एंडपॉइंट', makeText: 'पता https और सार्वजनिक होना चाहिए। जो भेजा जाता है वह Standard Webhooks 1.0.0 के अनुसार हस्ताक्षरित है।', description: 'यह किसके लिए है', eventsHint: 'रिक्त स्थान से अलग: *, wallet.*, taxrefund.changed …',
  ordered: 'एक के बाद एक पहुँचाएँ', signature: 'हस्ताक्षर', signatures: { v1: 'v1: साझा गुप्त कुंजी (HMAC)', v1a: 'v1a: सार्वजनिक कुंजी (Ed25519)' }, go: 'बनाएँ', secret: 'इसकी गुप्त कुंजी', secretText: 'अभी कॉपी करें। यह फिर कभी नहीं दिखेगी।',
  perMinute: 'एक मिनट में अधिक से अधिक', perMinuteHint: 'खाली छोड़ें तो जितने आएँ।', publicKey: 'पाने वालों के लिए सार्वजनिक कुंजी', toList: 'सभी एंडपॉइंट', breaker: 'विराम', why: 'बंद क्यों', version: 'संदेश का संस्करण', headers: 'इसके अपने हेडर', order: 'क्रम', lastSuccess: 'पिछली सफलता', firstFailure: 'कब से असफल',
  lastDay: 'पिछले 24 घंटे', attempts: 'प्रयास', succeeded: '2xx उत्तर', p50: 'आधे इतने में', p95: '100 में 95 इतने में', ms: '{n} मिलीसेकंड',
  actions: 'आप क्या कर सकते हैं', test: 'परीक्षण घटना भेजें', rotate: 'नई गुप्त कुंजी दें', rotateText: 'आज की कुंजी 24 घंटे तक साथ में हस्ताक्षर करती है।', enable: 'चालू करें', enableText: 'जो प्रतीक्षा में है वह तुरंत भेजा जाता है। असफलताओं का इतिहास एक सफलता तक रहता है।',
  disable: 'बंद करें', disableText: 'और कुछ नहीं भेजा जाता। जो प्रतीक्षा में है वह रखा जाता है।', replay: 'जो हुआ उसे फिर भेजें', from: 'से', to: 'तक', replayGo: 'फिर भेजें',
  said: { contact: 'अब से लागू।', test: 'परीक्षण घटना रास्ते में है।', replay: '{n} संदेश रास्ते में हैं।', enable: 'यह चालू है।', disable: 'यह बंद है।', rotate: 'नई कुंजी नीचे है।' }, failed: 'यह अस्वीकार हुआ: {title}',
  deliveries: 'भेजे गए संदेश', noDeliveries: 'पिछले 30 दिनों में इस एंडपॉइंट को कुछ नहीं भेजा गया।', delivery: 'संदेश', type: 'घटना', id: 'घटना की आईडी', status: 'स्थिति', tries: 'प्रयास', created: 'कब से', next: 'अगला प्रयास', doneAt: 'समाप्त', reason: 'कारण',
  statuses: { waiting: 'प्रतीक्षा में', done: 'पहुँच गया', dead: 'असफल' }, again: 'हाथ से फिर भेजा गया', title: 'संदेश {id}', body: 'क्या भेजा जाता है', replayOne: 'यह घटना फिर भेजें', oneSaid: 'यह एक नए संदेश के रूप में फिर रास्ते में है।',
  no: 'प्रयास', at: 'कब', took: 'समय लगा', answer: 'उत्तर', excerpt: 'उत्तर का आरंभ', noTries: 'अभी कोई प्रयास नहीं हुआ।', endpoint: 'एंडपॉइंट',
  contact: 'देखरेख करने वाले का ईमेल पता', contactHint: 'एंडपॉइंट बंद होने पर यहाँ बताया जाता है।', contactNone: 'खाली छोड़ने पर किसी को नहीं बताया जाता।', contactGo: 'यह पता रखें',
  errors: { dns_error: 'यह नाम कहीं नहीं ले जाता', connection_refused: 'वहाँ कोई नहीं सुनता', tls_error: 'विश्वसनीय TLS नहीं', timeout: '15 सेकंड में पूरा उत्तर नहीं', blocked_address: 'पता सार्वजनिक नहीं है', connection_lost: 'संपर्क टूट गया', bad_answer: 'उत्तर HTTP नहीं है', payload_too_large: '256 KiB से बड़ा', stopped: 'प्रक्रिया रोकी गई', internal: 'हमारी ओर की त्रुटि' },
};
