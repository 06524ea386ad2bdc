import type { SpineWords } from './en.ts';

export const hi: SpineWords = {
  events: {
    list: 'घटनाएँ', empty: 'कोई घटना मेल नहीं खाती। और पीछे देखें, या कोई छन्नी हटाएँ।', key: 'इकाई (कुंजी)', topic: 'विषय', trace: 'ट्रेस', at: 'कब', data: 'डेटा', lookedTo: 'अब तक {time} तक खोजा गया।',
    story: 'इस अनुरोध का सब कुछ', storyText: 'अनुरोध ने क्या दर्ज किया और दूसरों को क्या बताया, जिस क्रम में हुआ।', what: 'क्या', kinds: { event: 'घटना', fact: 'तथ्य', message: 'संदेश', delivery: 'वेबहुक' }, on: 'किस पर',
    noStory: 'इस ट्रेस का कुछ नहीं है, या आपकी भूमिका में तथ्य नहीं हैं।',
  },
  subscribers: {
    list: 'ग्राहक', empty: 'इस प्रोग्राम का कोई मॉड्यूल अभी घटनाओं पर काम नहीं करता।', name: 'ग्राहक', topics: 'विषय', lag: 'पीछे', held: 'चल रहे भाग', parked: 'अलग रखी', failing: 'विफल', behind: '{n} स्थान', none: 'अंत पर',
    parkedList: 'अलग रखी कुंजियाँ', parkedEmpty: 'कुछ अलग नहीं रखा: हर घटना का असर हुआ।', key: 'कुंजी', events: 'घटनाएँ', error: 'त्रुटि', since: 'कब से', release: 'छोड़ें', skip: 'पहली को लाँघें', released: 'छोड़ी गई', state: 'दशा', waits: 'आपकी प्रतीक्षा में',
    text: 'छोड़ने पर कुंजी की सारी अलग रखी घटनाएँ क्रम से असर करती हैं। लाँघने पर पहली छूटती है और बाकी असर करती हैं। पहले कारण ठीक करें।',
    said: { release: 'छोड़ी गई: {key}।', skip: '{key} की पहली घटना छोड़ दी गई, बाकी असर करेंगी।' },
  },
  jobs: {
    list: 'जो करना है', empty: 'कुछ प्रतीक्षा में नहीं।', name: 'काम', waiting: 'प्रतीक्षा में', running: 'चल रहे', later: 'बाद में', dead: 'मृत', oldest: 'कब से प्रतीक्षा में', deadList: 'मृत काम',
    deadEmpty: 'कोई मृत काम नहीं: किसी के प्रयास समाप्त नहीं हुए।', error: 'त्रुटि', tries: 'प्रयास', at: 'कब से मृत', retry: 'फिर करें', drop: 'हटाएँ', data: 'डेटा', schedules: 'समय-सारणी', noSchedules: 'इस कार्यालय की चालू चीज़ों की कोई समय-सारणी नहीं।',
    cron: 'नियम', zone: 'क्षेत्र', next: 'अगला', last: 'पिछला', never: 'कभी नहीं', said: { retry: 'फिर किया जाएगा।', drop: 'हटा दिया गया: जो करना था वह नहीं हुआ।' },
  },
  sagas: {
    list: 'सागा', empty: 'इस दशा में कोई सागा नहीं।', name: 'सागा', key: 'किसका', state: 'दशा', step: 'चरण', owner: 'ज़िम्मेदार', since: 'कब से', show: 'दिखाएँ', open: 'केवल खुले', title: 'सागा {id}', toList: 'सारे सागा', problem: 'अस्वीकृति', error: 'पिछली त्रुटि', deadline: 'समय-सीमा',
    states: { running: 'चल रहा', waiting: 'उत्तर की प्रतीक्षा', stalled: 'रुका हुआ', compensating: 'वापस लिया जा रहा', compensation_waiting: 'वापसी, उत्तर की प्रतीक्षा', compensation_stuck: 'वापस नहीं हो पा रहा', done: 'पूरा', undone: 'वापस लिया गया' },
    plan: 'योजना', kind: 'कैसे', kinds: { verb: 'यहीं', call: 'बाहर पूछकर' }, undo: 'वापस हो सकता है', pivot: 'इसके बाद वापसी नहीं', steps: 'क्या हुआ', noSteps: 'अभी कुछ नहीं हुआ।', no: 'क्रम', move: 'दिशा', moves: { do: 'आगे', undo: 'पीछे' }, result: 'परिणाम', by: 'किसने', at: 'कब',
    results: { done: 'हुआ', refused: 'अस्वीकृत', unknown: 'ज्ञात नहीं', skipped: 'लाँघा गया', asked: 'पूछा गया', retry: 'फिर होगा', undo: 'वापस लिया जाएगा' },
    decide: 'आपका निर्णय', decideText: 'यह किसी व्यक्ति की प्रतीक्षा में है। आपका निर्णय आपके नाम से दर्ज होता है।', reason: 'कारण', reasons: { 'cause-removed': 'कारण दूर हुआ', 'checked-outside': 'दूसरे पक्ष से जाँचा', 'done-by-hand': 'हाथ से किया', 'not-needed': 'अब ज़रूरत नहीं' },
    decisions: { retry: 'फिर करें', skip: 'यह चरण लाँघें', undo: 'सब वापस लें' }, said: 'दर्ज हुआ। अब दशा: {state}।', overdue: 'समय-सीमा बीत गई',
  },
};
