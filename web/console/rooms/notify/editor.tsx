import type { ReactNode } from 'react';
import { fill, Refused, words } from '../../parts/client.ts';
import { w } from './parts.ts';

export type Texts = Readonly<Record<string, { readonly title: string; readonly body: string; readonly text: string }>>;
const parts = ['title', 'body', 'text'] as const;
/** What a text may be as long as; the route says the same. */
const LENGTHS = { title: 200, body: 4000, text: 200 } as const;
export const tongue = (code: string): string => w.language[code as keyof typeof w.language] ?? code;

/** A refusal says which language and which part; anything else is its title. */
export function refusalOf(error: unknown): string {
  if (!(error instanceof Refused)) return words.states.away;
  const { language, part, why } = error.problem as unknown as Record<string, string | undefined>;
  const named = parts.find((p) => p === part);
  return language && named && why ? fill(w.wrong, { language: tongue(language), part: w[named], why }) : error.problem.title;
}

/** The words of a notice in each language. */
export const TextFields = ({ id, texts, change, required = false }: { id: string; texts: Texts; change: (texts: Texts) => void; required?: boolean }): ReactNode => (
  <>{Object.entries(texts).map(([code, of]) => (
    <fieldset key={code} lang={code}>
      <legend>{tongue(code)}</legend>
      {parts.map((part) => {
        const field = { id: `${id}-${code}-${part}`, value: of[part], required, maxLength: LENGTHS[part] };
        const take = (value: string): void => change({ ...texts, [code]: { ...of, [part]: value } });
        return (
          <div key={part}>
            <label htmlFor={field.id}>{w[part]}</label>
            {part === 'body' ? <textarea {...field} rows={4} onChange={(e) => take(e.target.value)} /> : <input {...field} onChange={(e) => take(e.target.value)} />}
          </div>
        );
      })}
    </fieldset>
  ))}</>
);

/** What people would read, in each language. */
export const Previews = ({ of }: { of: readonly { readonly language: string; readonly title: string; readonly body: string; readonly text: string }[] | undefined }): ReactNode => (
  <>{of?.map((p) => (
    <section key={p.language} lang={p.language} className="card">
      <p className="quiet">{tongue(p.language)}</p>
      <p><strong>{p.title}</strong></p><p>{p.body}</p><p><code>{p.text}</code></p>
    </section>
  ))}</>
);
