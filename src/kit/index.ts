export { document, escaped, Hidden, markup, narrow, room } from './document.tsx';
export { Arithmetic, Badge, ErrorSummary, Facts, Field, Notice, Timeline, type FieldProps, type Meaning, type Moment } from './parts.tsx';
export { brandCss } from './brand.ts';
export { kitWords } from './words.ts';
