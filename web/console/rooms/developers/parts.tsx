import { useRef, useState, type ReactNode } from 'react';
import { fill, language, Refused, words } from '../../parts/client.ts';
import { en, type DeveloperWords } from '../../words/developers/en.ts';
import { hi } from '../../words/developers/hi.ts';

export const d: DeveloperWords = language === 'hi' ? hi : en;
export const refusal = (error: unknown): string | undefined =>
  (error === null || error === undefined ? undefined : error instanceof Refused ? fill(d.refused, { title: error.problem.title }) : words.states.away);

/** A text to be taken along. Where the browser gives no clipboard, the text is selected, and the keys do the rest. */
export function Code({ text, name }: { text: string; name: string }): ReactNode {
  const shown = useRef<HTMLPreElement>(null);
  const [said, say] = useState('');
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      say(d.copied);
    } catch {
      getSelection()?.selectAllChildren(shown.current as Node);
      say(d.selected);
    }
  };
  return (
    <>
      <pre tabIndex={0} ref={shown} aria-label={name}>{text}</pre>
      <p><button type="button" className="second" aria-label={fill(d.copyOf, { what: name })} onClick={() => void copy()}>{d.copy}</button> <span role="status">{said}</span></p>
    </>
  );
}
