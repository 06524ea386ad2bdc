/**
 * Names for synthetic people, written for this program: common given and family names, in Latin and Devanagari. No list of real
 * people was used; a combination may of course exist somewhere.
 */
export const inGiven: readonly (readonly [latin: string, devanagari: string])[] = [
  ['Aarav', 'आरव'], ['Aditi', 'अदिति'], ['Ajay', 'अजय'], ['Ananya', 'अनन्या'], ['Anil', 'अनिल'], ['Arjun', 'अर्जुन'], ['Bhavna', 'भावना'], ['Deepak', 'दीपक'],
  ['Divya', 'दिव्या'], ['Farhan', 'फ़रहान'], ['Gauri', 'गौरी'], ['Harish', 'हरीश'], ['Ishaan', 'ईशान'], ['Jyoti', 'ज्योति'], ['Kavita', 'कविता'],
    ['Kiran', 'किरण'],
  ['Lakshmi', 'लक्ष्मी'], ['Manoj', 'मनोज'], ['Nandini', 'नंदिनी'], ['Neha', 'नेहा'], ['Pooja', 'पूजा'], ['Rahul', 'राहुल'], ['Rekha', 'रेखा'],
    ['Rohan', 'रोहन'],
  ['Sana', 'सना'], ['Sanjay', 'संजय'], ['Shreya', 'श्रेया'], ['Sunita', 'सुनीता'], ['Tanvi', 'तन्वी'], ['Uday', 'उदय'], ['Vikram', 'विक्रम'], ['Zoya', 'ज़ोया'],
];

/** One family name for each initial, because the fifth letter of a PAN is the initial of the family name. */
export const inFamily: readonly (readonly [latin: string, devanagari: string])[] = [
  ['Ansari', 'अंसारी'], ['Bose', 'बोस'], ['Chauhan', 'चौहान'], ['Das', 'दास'], ['Fernandes', 'फ़र्नांडिस'], ['Gupta', 'गुप्ता'], ['Hegde', 'हेगड़े'],
    ['Iyer', 'अय्यर'],
  ['Joshi', 'जोशी'], ['Kulkarni', 'कुलकर्णी'], ['Lal', 'लाल'], ['Menon', 'मेनन'], ['Nair', 'नायर'], ['Patel', 'पटेल'], ['Rao', 'राव'], ['Sharma', 'शर्मा'],
  ['Thakur', 'ठाकुर'], ['Verma', 'वर्मा'], ['Yadav', 'यादव'],
];

export const usGiven: readonly (readonly [latin: string, devanagari: string])[] = [
  ['Alice', 'ऐलिस'], ['Brian', 'ब्रायन'], ['Carmen', 'कार्मेन'], ['Daniel', 'डैनियल'], ['Elena', 'एलेना'], ['Frank', 'फ़्रैंक'], ['Grace', 'ग्रेस'],
    ['Henry', 'हेनरी'],
  ['Irene', 'आइरीन'], ['James', 'जेम्स'], ['Keiko', 'केइको'], ['Luis', 'लुइस'], ['Maria', 'मारिया'], ['Nora', 'नोरा'], ['Omar', 'उमर'], ['Priya', 'प्रिया'],
];

export const usFamily: readonly (readonly [latin: string, devanagari: string])[] = [
  ['Adams', 'ऐडम्स'], ['Brooks', 'ब्रुक्स'], ['Chen', 'चेन'], ['Diaz', 'डियाज़'], ['Evans', 'एवंस'], ['Foster', 'फ़ॉस्टर'], ['Garcia', 'गार्सिया'],
    ['Hughes', 'ह्यूज़'],
  ['Ito', 'इतो'], ['Jackson', 'जैक्सन'], ['Kim', 'किम'], ['Lopez', 'लोपेज़'], ['Miller', 'मिलर'], ['Nguyen', 'न्गुयेन'], ['Patel', 'पटेल'], ['Walker', 'वॉकर'],
];
