import { finding, matches, moduleFiles, type Finding, type Rule, type SourceFile } from './tree.ts';

/** Spelt in two parts, so that these lines are not what they look for. */
const MARK = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`, 'g');
const LINE_MAX = 160;

export const noMarks: Rule = {
  name: 'no left-over marks',
  check: (tree) => tree.flatMap((file) => {
    const message = 'finish it, or write it into the README under "Not here"';
    if (file.path.endsWith('.sql')) return matches(file, file.text, MARK, message);
    return file.comments.flatMap((comment) => [...comment.value.matchAll(MARK)].map((found) => finding(file, comment.at + found.index, message)));
  }),
  bad: [{ 'src/kernel/x.ts': `// TO${'DO'} later` }, { 'src/spine/a/migrations/0001_create_x.sql': `-- FIX${'ME'}` }],
  good: [{ 'src/kernel/x.ts': "const states = ['TO' + 'DO'];" }],
};

export const shortLines: Rule = {
  name: `lines of src have at most ${LINE_MAX} characters`,
  // A sentence in words/ stays in one piece, whatever its length.
  check: (tree) => tree.filter((file) => /^src\/(?!.*\/words\/).*\.tsx?$/.test(file.path)).flatMap((file) => file.text.split('\n').flatMap((line, i) =>
    (line.length > LINE_MAX ? [{ path: file.path, line: i + 1, message: `${line.length} characters` }] : []))),
  bad: [{ 'src/kernel/x.ts': `const x = 1;\n// ${'x'.repeat(LINE_MAX)}` }],
  good: [{ 'src/kernel/x.ts': 'x'.repeat(LINE_MAX), 'src/kit/words/en.ts': 'x'.repeat(LINE_MAX + 1) }],
};

/** Attributes whose value a person reads or hears. */
const READ_ATTRIBUTE = /\b(?:title|alt|placeholder|label|summary|aria-(?:label|description|roledescription|valuetext|placeholder))=$/;
const TWO_WORDS = /\p{L}{2,}[,;:.]?\s+\p{L}{2,}/u;
const DEVANAGARI = /\p{Script=Devanagari}/u;
/** Text behind an opening tag, up to the next tag or brace. Not behind a type argument: that follows a name. */
const AFTER_OPEN = /(?<![\w$)\]])<[A-Za-z][\w.]*(?:\s[^<>]*)?(?<!\/)>([^<>{}]*)(?=[<{])/g;
/** Text between a closed tag or a brace and the next one; code stands there as well, and has other signs. */
const AFTER_CLOSE = /(?:<\/[A-Za-z][\w.]*>|\/>)([^<>{}();=]*)(?=[<{])/g;
const AFTER_BRACE = /\}([^<>{}();=]*)<\//g;

function peoplesText(file: SourceFile): Finding[] {
  const message = 'text for people belongs in words/';
  const nodes = [AFTER_OPEN, AFTER_CLOSE, AFTER_BRACE].flatMap((pattern) => [...file.bare.matchAll(pattern)])
    .filter((found) => /\p{L}{2,}/u.test((found[1] ?? '').replace(/&\w+;/g, '')))
    .map((found) => finding(file, found.index, message));
  const strings = file.literals.filter((literal) => {
    const line = file.text.slice(file.text.lastIndexOf('\n', literal.at) + 1, literal.at - 1);
    if (DEVANAGARI.test(literal.value)) return true;
    if (READ_ATTRIBUTE.test(line)) return /\p{L}{2,}/u.test(literal.value);
    // Class lists and styles are words to a browser, and the text of a thrown error is for us.
    if (/\b[\w-]+=$|\b(?:class|className|style)=|Error\($/.test(line)) return false;
    return TWO_WORDS.test(literal.value);
  }).map((literal) => finding(file, literal.at, message));
  return [...nodes, ...strings];
}

export const textInWords: Rule = {
  name: 'text for people stands only in words/',
  check: (tree) => moduleFiles(tree).filter((file) => /^(?:pages\.tsx|pages\/|islands\/)/.test(file.file)).flatMap(peoplesText),
  bad: [
    'const v = <p>Hello</p>;', 'const v = <p class="a">Your refund {x}</p>;', 'const v = <p>{x} was paid</p>;',
    'const v = <p><b>{x}</b> was paid <i /></p>;', 'const v = <img alt="Logo" />;',
    "const v = { title: 'Refund status' };", "const v = 'नमस्ते';", 'const v = `Your refund ${x}`;',
  ].map((text) => ({ 'src/products/a/pages.tsx': text })),
  good: [{
    'src/products/a/pages.tsx': "const f = <T,>(x: Map<string, T>): Promise<T> => { return g<string>(x); };\n" +
      "const v = <p class=\"card wide\" autocomplete=\"one-time-code webauthn\">{w.hello}: <b>{x}</b></p>;\n" +
      "page('GET /refunds/:id', { view }); const c = <p class={on ? 'card wide' : 'card'}>·</p>; if (!x) throw new Error('no such state');",
    'src/products/a/words/en.ts': "export const en = { hello: 'Your refund status' };",
    'src/kit/a.tsx': 'const v = <p>Hello</p>;',
  }],
};
