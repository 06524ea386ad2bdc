import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { client, fill, words } from '../../parts/client.ts';
import { Answer, Page } from '../../parts/page.tsx';
import { Previews, refusalOf, TextFields, type Texts } from './editor.tsx';
import { w } from './parts.ts';

type Template = Awaited<ReturnType<typeof client.getNotificationsOfficeTemplates>>['templates'][number];

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
      <TextFields id={t.kind} texts={texts} change={change} />
      <div className="actions">
        <button type="button" className="second" onClick={() => preview.mutate()} disabled={preview.isPending}>{w.preview}</button>
        <button type="submit" className="main" disabled={save.isPending}>{w.save}</button>
        {t.own && <button type="button" className="link" onClick={() => save.mutate(null)} disabled={save.isPending}>{w.giveUp}</button>}
      </div>
      <p role="status">{failed ? refusalOf(failed) : save.isSuccess && w.saved}</p>
      <Previews of={preview.data?.previews} />
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
