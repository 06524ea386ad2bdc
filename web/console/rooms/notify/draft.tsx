import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { client, fill } from '../../parts/client.ts';
import { instantOf, typedOf } from '../../parts/time.tsx';
import { Previews, refusalOf, TextFields, type Texts } from './editor.tsx';
import { w } from './parts.ts';

export type Shown = Awaited<ReturnType<typeof client.getNotificationsOfficeCampaignsCampaign>>;
type Body = Parameters<typeof client.putNotificationsOfficeCampaignsCampaign>[0]['body'];
/** What stands in the form; `told` is a kind, everyone, these people, or nobody by itself. */
export interface Draft { readonly texts: Texts; readonly told: string; readonly persons: readonly string[]; readonly perMinute: number; readonly expiresAt: string | null }
export type Written = Omit<Body, 'version'>;
const c = w.campaigns;
const PEOPLE_A_MINUTE = 600;
export const EVERYONE = '*';
const [THESE, NOBODY] = ['persons', ''];
const EMPTY = { title: '', body: '', text: '' };

export const blank = (languages: readonly string[]): Draft =>
  ({ texts: Object.fromEntries(languages.map((code) => [code, EMPTY])), told: EVERYONE, persons: [], perMinute: PEOPLE_A_MINUTE, expiresAt: null });
export const draftOf = (a: Shown, languages: readonly string[]): Draft => ({
  texts: Object.fromEntries(languages.map((code) => [code, (a.texts as Texts)[code] ?? EMPTY])), told: a.told ?? (a.persons ? THESE : NOBODY), persons: a.persons ?? [],
  perMinute: a.perMinute, expiresAt: a.expiresAt,
});

/** Kinds that people are told of, by their names. */
export const useKinds = () => useQuery({ queryKey: ['templates'], queryFn: ({ signal }) => client.getNotificationsOfficeTemplates({}, { signal }), refetchOnWindowFocus: false });

function Audience({ id, of, value, change }: { id: string; of: Draft; value: string; change: (value: string) => void }): ReactNode {
  const kinds = useKinds();
  return (
    <>
      <label htmlFor={`${id}-whom`}>{c.whom}</label>
      <select id={`${id}-whom`} value={value} onChange={(e) => change(e.target.value)}>
        <option value={EVERYONE}>{c.everyone}</option>
        {kinds.data?.templates.map((k) => <option key={k.kind} value={k.kind}>{fill(c.toldOf, { doc: k.doc })}</option>)}
        {/* What it finds stays chosen while the names of the kinds are not there. */}
        {!kinds.data && ![EVERYONE, THESE, NOBODY].includes(value) && <option value={value}>{fill(c.toldOf, { doc: value })}</option>}
        <option value={THESE}>{c.these}</option>
        {of.told === NOBODY && <option value={NOBODY}>{c.nobody}</option>}
      </select>
      {value === THESE && (
        <>
          <label htmlFor={`${id}-persons`}>{c.persons}</label>
          <textarea id={`${id}-persons`} name="persons" rows={4} required spellCheck={false} autoComplete="off" aria-describedby={`${id}-persons-hint`} defaultValue={of.persons.join('\n')} />
          <p className="hint" id={`${id}-persons-hint`}>{c.personsHint}</p>
        </>
      )}
    </>
  );
}

const typed = (form: FormData, name: string): string => {
  const value = form.get(name);
  return typeof value === 'string' ? value.trim() : '';
};
function written(form: FormData, of: Draft, texts: Texts, told: string): Written {
  const expires = typed(form, 'expires');
  // The very instant, where nobody touched it: what is typed has no seconds.
  const at = of.expiresAt !== null && expires === typedOf(of.expiresAt) ? of.expiresAt : instantOf(expires || undefined).at;
  const audience = told === THESE ? { persons: typed(form, 'persons').split(/[\s,]+/).filter(Boolean) } : { told };
  return { texts, perMinute: Number(typed(form, 'rate')), ...(at === undefined ? {} : { expiresAt: at }), ...(told === NOBODY ? {} : { audience }) };
}

/** An announcement as it is written first, or changed while it is a draft. */
export function DraftForm({ id, of, label, save, busy, failed, children }:
  { id: string; of: Draft; label: string; save: (body: Written) => void; busy: boolean; failed: unknown; children?: ReactNode }): ReactNode {
  const [texts, change] = useState<Texts>(of.texts);
  const [told, choose] = useState(of.told);
  const preview = useMutation({ mutationFn: () => client.postNotificationsOfficeCampaignsPreview({ body: { texts } }) });
  const wrong = failed ?? preview.error;
  return (
    <form className="card" onSubmit={(event) => {
      event.preventDefault();
      save(written(new FormData(event.currentTarget), of, texts, told));
    }}>
      <TextFields id={id} texts={texts} change={change} required />
      <Audience id={id} of={of} value={told} change={choose} />
      <label htmlFor={`${id}-rate`}>{c.rateLabel}</label>
      <input id={`${id}-rate`} name="rate" type="number" required min={1} max={600_000} step={1} defaultValue={of.perMinute} inputMode="numeric" aria-describedby={`${id}-rate-hint`} />
      <p className="hint" id={`${id}-rate-hint`}>{c.rateHint}</p>
      <label htmlFor={`${id}-expires`}>{c.expires}</label>
      <input id={`${id}-expires`} name="expires" type="datetime-local" aria-describedby={`${id}-expires-hint`} defaultValue={of.expiresAt === null ? '' : typedOf(of.expiresAt)} />
      <p className="hint" id={`${id}-expires-hint`}>{c.expiresHint}</p>
      <div className="actions">
        <button type="button" className="second" onClick={() => preview.mutate()} disabled={preview.isPending}>{c.preview}</button>
        <button type="submit" className="main" disabled={busy}>{label}</button>
        {children}
      </div>
      <p role="status">{wrong !== null && wrong !== undefined && refusalOf(wrong)}</p>
      <Previews of={preview.data?.previews} />
    </form>
  );
}
