import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { client, fill, Refused, words } from '../../parts/client.ts';
import { Answer, Page } from '../../parts/page.tsx';
import { w } from './parts.ts';

type Template = Awaited<ReturnType<typeof client.getNotificationsOfficeTemplates>>['templates'][number];
type Texts = Template['texts'];
const parts = ['title', 'body', 'text'] as const;
type Tongue = keyof typeof w.language;
const tongue = (code: string): string => w.language[code as Tongue] ?? code;

/** A refusal says which language and which part; anything else is its title. */
function refusal(error: unknown): string {
  if (!(error instanceof Refused)) return words.states.away;
  const { language, part, why } = error.problem as unknown as Record<string, string | undefined>;
  const named = parts.find((p) => p === part);
  return language && named && why ? fill(w.wrong, { language: tongue(language), part: w[named], why }) : error.problem.title;
}

function Editor({ t }: { t: Template }): ReactNode {
  const queries = useQueryClient();
  const [texts, change] = useState<Texts>(t.texts);
  const preview = useMutation({ mutationFn: () => client.postNotificationsOfficeTemplatesKindPreview({ params: { kind: t.kind }, body: { texts } }) });
  const save = useMutation({ mutationFn: (own: Texts | null) => client.putNotificationsOfficeTemplatesKind({ params: { kind: t.kind }, body: { texts: own } }),
    onSuccess: (saved) => queries.setQueryData(['templates'], saved) });
  const failed = preview.error ?? save.error;
  return (
    <form className="card" onSubmit={(event) => { event.preventDefault(); save.mutate(texts); }}>
      <h2 className="flat"><code>{t.kind}</code></h2>
      <p>{t.doc} <span className="quiet">{t.own ? fill(w.own, { version: String(t.version) }) : w.house}</span></p>
      <p className="quiet">{w.values}: {t.values.map((v) => `{{ ${v} }}`).join(' ')}</p>
      {Object.entries(texts).map(([code, of]) => (
        <fieldset key={code} lang={code}>
          <legend>{tongue(code)}</legend>
          {parts.map((part) => {
            const id = `${t.kind}-${code}-${part}`;
            const take = (value: string): void => change({ ...texts, [code]: { ...of, [part]: value } });
            return (
              <div key={part}>
                <label htmlFor={id}>{w[part]}</label>
                {part === 'body' ? <textarea id={id} rows={4} value={of[part]} onChange={(e) => take(e.target.value)} /> : <input id={id} value={of[part]} onChange={(e) => take(e.target.value)} />}
              </div>
            );
          })}
        </fieldset>
      ))}
      <div className="actions">
        <button type="button" className="second" onClick={() => preview.mutate()} disabled={preview.isPending}>{w.preview}</button>
        <button type="submit" className="main" disabled={save.isPending}>{w.save}</button>
        {t.own && <button type="button" className="link" onClick={() => save.mutate(null)} disabled={save.isPending}>{w.giveUp}</button>}
      </div>
      <p role="status">{failed ? refusal(failed) : save.isSuccess && w.saved}</p>
      {preview.data?.previews.map((p) => (
        <section key={p.language} lang={p.language} className="card">
          <p className="quiet">{tongue(p.language)}</p>
          <p><strong>{p.title}</strong></p><p>{p.body}</p><p><code>{p.text}</code></p>
        </section>
      ))}
    </form>
  );
}

export function TextsRoom(): ReactNode {
  const templates = useQuery({ queryKey: ['templates'], queryFn: ({ signal }) => client.getNotificationsOfficeTemplates({}, { signal }), refetchOnWindowFocus: false });
  return (
    <Page title={words.rooms.texts.name} asOf={templates.dataUpdatedAt || undefined}>
      <p className="quiet">{w.textsText}</p>
      <Answer query={templates}>{(value) => <>{value.templates.map((t) => <Editor key={`${t.kind} ${t.version}`} t={t} />)}</>}</Answer>
    </Page>
  );
}
