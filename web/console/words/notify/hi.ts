import type { en } from './en.ts';

export const hi: typeof en = {
  list: 'संदेश', empty: 'कोई संदेश नहीं मिला। अभी कुछ बताया नहीं गया, या छँटाई बहुत तंग है।', state: 'स्थिति', person: 'व्यक्ति', personHint: 'व्यक्ति की आईडी, 32 अक्षर और अंक',
  kind: 'प्रकार', channel: 'माध्यम', why: 'क्यों', provider: 'प्रदाता', at: 'बना', attempts: 'प्रयास', notBefore: 'इससे पहले नहीं', sentAt: 'भेजा गया', doneAt: 'समाप्त', expires: 'कब तक बताया जाए', trace: 'अनुरेख', lane: 'कतार',
  counts: 'कितने कहाँ हैं', count: 'संदेश', many: '1,000 या अधिक', providers: 'प्रदाता, जैसा यह प्रक्रिया देखती है', noProviders: 'कोई नहीं है।', points: 'हिस्सा (अंक)', sent: 'लिए', failed: 'विफल', lastFailed: 'पिछली विफलता',
  one: 'संदेश {id}', toList: 'सभी संदेश', tries: 'प्रयास', noTries: 'कोई प्रयास नहीं हुआ।', no: 'संख्या', result: 'परिणाम', unknown: 'कुछ पता नहीं चला', replay: 'फिर से प्रयास करें', replayText: 'इसे नई कुंजी मिलती है: जिसने बिना बताए लिया था, उसे दो बार मिल सकता है।', replayed: 'यह फिर भेजा जा रहा है।',
  states: { waiting: 'प्रतीक्षा में', sending: 'भेजा जा रहा है', sent: 'प्रदाता ने लिया', refused: 'अस्वीकृत', dead: 'किसी तक नहीं पहुँचा', suppressed: 'नहीं भेजा गया', delivered: 'पहुँचा', failed: 'विफल', opened: 'देखा गया' },
  channels: { inbox: 'इनबॉक्स', push: 'पुश', text: 'SMS', email: 'ईमेल' }, lanes: { critical: 'अति आवश्यक', normal: 'सामान्य', bulk: 'थोक' },
  reasons: {
    'quiet-hours': 'व्यक्ति का शांत समय', 'too-many': 'एक घंटे के लिए पर्याप्त', 'provider-busy': 'प्रदाता अभी और नहीं लेता', 'not-wanted': 'व्यक्ति वहाँ नहीं चाहता', 'no-address': 'भेजने का कोई पता नहीं', 'no-provider': 'कोई प्रदाता नहीं है',
    'too-late': 'समय बीत गया', refused: 'प्रदाता ने अस्वीकार किया', bounced: 'मेलबॉक्स ने लौटा दिया', complained: 'व्यक्ति ने अवांछित कहा', unreachable: 'फ़ोन तक नहीं पहुँचा', 'no-answer': 'किसी प्रदाता ने समय पर उत्तर नहीं दिया', template: 'पाठ नहीं बन सका',
  },
  texts: 'पाठ', textsText: 'लोगों को क्या बताया जाता है। आपके पाठ अगले संदेश से लागू होते हैं।', own: 'अपना, संस्करण {version}', house: 'मूल', values: 'जिन मानों का उपयोग हो सकता है', title: 'शीर्षक', body: 'मुख्य पाठ', text: 'SMS', preview: 'देखें', save: 'इन पाठों का उपयोग करें', giveUp: 'मूल पाठों पर लौटें', saved: 'अगले संदेश से लागू।', language: { en: 'अंग्रेज़ी', hi: 'हिन्दी' },
  wrong: '{language}, {part}: {why}',
};
