/** A text that is bundled as it stands (`with { type: 'text' }`). */
declare module '*.md' {
  const text: string;
  export default text;
}
