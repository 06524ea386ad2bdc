import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { client, fill, language, locale, pick, Refused, words } from '../../parts/client.ts';
import { Pages } from '../../parts/filters.tsx';
import { shortId } from '../../parts/ids.tsx';
import { useKeys } from '../../parts/keys.ts';
import { Answer, Page } from '../../parts/page.tsx';
import { useSearchText } from '../../parts/search.ts';
import { Facts, Table } from '../../parts/table.tsx';
import { duration, instantOf, When, whenText } from '../../parts/time.tsx';
import { useMe } from '../../shell.tsx';
import { Previews, refusalOf, TextFields, type Texts } from './editor.tsx';
import { w } from './parts.ts';

type Campaign = Awaited<ReturnType<typeof client.getNotificationsOfficeCampaigns>>['campaigns'][number];
type Shown = Awaited<ReturnType<typeof client.getNotificationsOfficeCampaignsCampaign>>;
type Verb = keyof typeof c.verbs;
const c = w.campaigns;
const LIVE_MS = 10_000;
/** People are counted up to this many. */
const COUNTED_MAX = 100_000;
const PEOPLE_A_MINUTE = 600;
const EVERYONE = '*';
const THESE = 'persons';

const numbers = new Intl.NumberFormat(`${locale}-u-nu-latn`);
const count = (n: number): string => numbers.format(n);
const wanted = (of: { readonly wanted: number }): string => (of.wanted === COUNTED_MAX ? fill(c.counted, { n: count(COUNTED_MAX) }) : count(of.wanted));
const people = (of: { readonly people: number; readonly wanted: number }): string => fill(c.of, { done: count(of.people), total: wanted(of) });
const left = ({ waiting, delayed }: Campaign['progress']): number => waiting + delayed;
const done = (p: Campaign['progress']): string => fill(c.of, { done: count(p.total - left(p)), total: count(p.total) });
const titleOf = (texts: Readonly<Record<string, string>>): string => texts[language] ?? Object.values(texts)[0] ?? '';
const live = (state: Campaign['state'] | undefined): number | false => (state === 'draft' || state === 'stopped' ? false : LIVE_MS);

/** Kinds that people are told of, by their names. */
const useKinds = () => useQuery({ queryKey: ['templates'], queryFn: ({ signal }) => client.getNotificationsOfficeTemplates({}, { signal }), refetchOnWindowFocus: false });
const whom = (told: string | null, kinds: ReturnType<typeof useKinds>['data']): string => (told === null ? c.named : told === EVERYONE ? c.everyone
  : fill(c.toldOf, { doc: kinds?.templates.find((k) => k.kind === told)?.doc ?? told }));

function Audience({ value, change }: { value: string; change: (value: string) => void }): ReactNode {
  const kinds = useKinds();
  return (
    <>
      <label htmlFor="ann-whom">{c.whom}</label>
      <select id="ann-whom" value={value} onChange={(e) => change(e.target.value)}>
        <option value={EVERYONE}>{c.everyone}</option>
        {kinds.data?.templates.map((k) => <option key={k.kind} value={k.kind}>{fill(c.toldOf, { doc: k.doc })}</option>)}
        <option value={THESE}>{c.these}</option>
      </select>
      {value === THESE && (
        <>
          <label htmlFor="ann-persons">{c.persons}</label>
          <textarea id="ann-persons" name="persons" rows={4} required spellCheck={false} autoComplete="off" aria-describedby="ann-persons-hint" />
          <p className="hint" id="ann-persons-hint">{c.personsHint}</p>
        </>
      )}
    </>
  );
}

const typed = (form: FormData, name: string): string => {
  const value = form.get(name);
  return typeof value === 'string' ? value.trim() : '';
};
const blank = (languages: readonly string[]): Texts => Object.fromEntries(languages.map((code) => [code, { title: '', body: '', text: '' }]));

/** Writes a draft; whoever may not send is shown none of this. */
function Write(): ReactNode {
  const me = useMe();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { keyOf, end } = useKeys();
  const [texts, change] = useState<Texts>(() => blank(me.tenant.languages));
  const [told, choose] = useState(EVERYONE);
  const preview = useMutation({ mutationFn: () => client.postNotificationsOfficeCampaignsPreview({ body: { texts } }) });
  const write = useMutation({
    mutationFn: (form: FormData) => {
      const { at } = instantOf(typed(form, 'expires') || undefined);
      const body = { texts, perMinute: Number(typed(form, 'rate')), draft: true, ...(at === undefined ? {} : { expiresAt: at }),
        audience: told === THESE ? { persons: typed(form, 'persons').split(/[\s,]+/).filter(Boolean) } : { told } };
      return client.postNotificationsOfficeCampaigns({ body }, { key: keyOf(JSON.stringify(body)) });
    },
    onSuccess: async ({ campaign }) => {
      await queries.invalidateQueries({ queryKey: ['campaigns'] });
      await navigate({ to: '/announcements/$campaign', params: { campaign } });
    },
    onError: (error) => { if (error instanceof Refused) end(); },
  });
  const failed = write.error ?? preview.error;
  return (
    <section>
      <h2>{c.write}</h2>
      <p className="quiet">{c.writeText}</p>
      <form className="card" onSubmit={(event) => {
        event.preventDefault();
        write.mutate(new FormData(event.currentTarget));
      }}>
        <TextFields id="ann" texts={texts} change={change} required />
        <Audience value={told} change={choose} />
        <label htmlFor="ann-rate">{c.rateLabel}</label>
        <input id="ann-rate" name="rate" type="number" required min={1} max={600_000} step={1} defaultValue={PEOPLE_A_MINUTE} inputMode="numeric" aria-describedby="ann-rate-hint" />
        <p className="hint" id="ann-rate-hint">{c.rateHint}</p>
        <label htmlFor="ann-expires">{c.expires}</label>
        <input id="ann-expires" name="expires" type="datetime-local" aria-describedby="ann-expires-hint" />
        <p className="hint" id="ann-expires-hint">{c.expiresHint}</p>
        <div className="actions">
          <button type="button" className="second" onClick={() => preview.mutate()} disabled={preview.isPending}>{c.preview}</button>
          <button type="submit" className="main" disabled={write.isPending || write.isSuccess}>{c.keep}</button>
        </div>
        <p role="status">{failed && refusalOf(failed)}</p>
        <Previews of={preview.data?.previews} />
      </form>
    </section>
  );
}

export function Announcements(): ReactNode {
  const me = useMe();
  const [search] = useSearchText();
  const query = pick(search, 'cursor');
  const found = useQuery({
    queryKey: ['campaigns', query], queryFn: ({ signal }) => client.getNotificationsOfficeCampaigns({ query }, { signal }), refetchInterval: LIVE_MS,
  });
  return (
    <Page title={words.rooms.announcements.name} asOf={found.dataUpdatedAt || undefined}>
      <Answer query={found}>{(value) => (
        <>
          <Table caption={c.list} empty={c.empty} rows={value.campaigns} keyOf={(a) => a.campaign} columns={[
            { name: c.title, cell: (a) => <Link to="/announcements/$campaign" params={{ campaign: a.campaign }}><span className="wrap">{titleOf(a.titles)}</span></Link>, text: (a) => titleOf(a.titles) },
            { name: w.state, cell: (a) => c.states[a.state] }, { name: c.people, cell: people, number: true }, { name: c.progress, cell: (a) => done(a.progress), number: true },
            { name: c.sent, cell: (a) => count(a.progress.sent), number: true }, { name: c.skipped, cell: (a) => count(a.progress.skipped), number: true },
            { name: c.delayed, cell: (a) => count(a.progress.delayed), number: true }, { name: c.failed, cell: (a) => count(a.progress.failed), number: true },
            { name: c.rate, cell: (a) => count(a.perMinute), number: true },
            { name: c.ends, cell: (a) => (a.endsAt ? <When at={a.endsAt} /> : words.none), text: (a) => (a.endsAt ? whenText(a.endsAt) : '') },
            { name: w.at, cell: (a) => <When at={a.at} />, text: (a) => whenText(a.at) },
          ]} />
          <Pages next={value.next} label={words.next} />
        </>
      )}</Answer>
      {me.permissions.includes('notify:send') && <Write />}
    </Page>
  );
}

const CALLS = {
  start: client.postNotificationsOfficeCampaignsCampaignStart, pause: client.postNotificationsOfficeCampaignsCampaignPause,
  resume: client.postNotificationsOfficeCampaignsCampaignResume, stop: client.postNotificationsOfficeCampaignsCampaignStop,
} as const;
const VERBS: Readonly<Record<Campaign['state'], readonly Verb[]>> = { draft: ['start', 'stop'], running: ['pause', 'stop'], paused: ['resume', 'stop'], stopped: [], done: [] };

/** What can be done with it now, each with what follows from it; the end of it is asked about once more. */
function Steer({ a }: { a: Shown }): ReactNode {
  const queries = useQueryClient();
  const { keyOf, end } = useKeys();
  const [asking, ask] = useState(false);
  const steer = useMutation({
    mutationFn: (verb: Verb) => CALLS[verb]({ params: { campaign: a.campaign } }, { key: keyOf(verb) }),
    onSettled: () => {
      end();
      ask(false);
      return queries.invalidateQueries({ queryKey: ['campaigns'] });
    },
  });
  const consequence = (verb: Verb): string => fill({ start: c.startText, pause: c.pauseText, resume: c.resumeText, stop: c.stopText }[verb],
    { people: wanted(a), time: duration(Math.ceil((a.wanted * 60) / a.perMinute)) });
  return (
    <section>
      {VERBS[a.state].map((verb) => (
        <div key={verb}>
          <p className="quiet">{consequence(verb)}</p>
          <div className="actions">
            {verb === 'stop' && asking ? (
              <>
                <button type="button" className="main" disabled={steer.isPending} onClick={() => steer.mutate('stop')}>{fill(c.sure, { title: titleOf(titlesOf(a)) })}</button>
                <button type="button" className="link" onClick={() => ask(false)}>{c.keepOn}</button>
              </>
            ) : (
              <button type="button" className={verb === 'start' || verb === 'resume' ? 'main' : 'second'} disabled={steer.isPending}
                onClick={() => (verb === 'stop' ? ask(true) : steer.mutate(verb))}>{c.verbs[verb]}</button>
            )}
          </div>
        </div>
      ))}
      <p role="status">{steer.error ? refusalOf(steer.error) : steer.isSuccess && c.said[steer.variables]}</p>
    </section>
  );
}

const titlesOf = (a: Shown): Readonly<Record<string, string>> => Object.fromEntries(Object.entries(a.texts).map(([code, t]) => [code, t.title]));

function Progress({ a }: { a: Shown }): ReactNode {
  const p = a.progress;
  const late = a.expiresAt !== null && a.endsAt !== null && a.endsAt > a.expiresAt;
  return (
    <>
      {p.total > 0 && <progress aria-label={c.progress} max={p.total} value={p.total - left(p)}>{done(p)}</progress>}
      {late && <p role="status"><strong>{c.late}</strong></p>}
      <Facts rows={[
        [w.state, c.states[a.state]], [c.people, people(a)], [c.progress, done(p)], [c.sent, count(p.sent)], [c.skipped, count(p.skipped)], [c.delayed, count(p.delayed)],
        [c.waiting, count(p.waiting)], [c.failed, count(p.failed)], [c.rateLabel, count(a.perMinute)],
        [c.ends, a.endsAt ? <When key="ends" at={a.endsAt} /> : words.none], [c.end, a.expiresAt ? <When key="end" at={a.expiresAt} /> : c.endDefault], [w.at, <When key="at" at={a.at} />],
      ]} />
      {live(a.state) !== false && <p className="quiet">{c.live}</p>}
    </>
  );
}

export function OneAnnouncement(): ReactNode {
  const { campaign = '' } = useParams({ strict: false });
  const me = useMe();
  const kinds = useKinds();
  const shown = useQuery({
    queryKey: ['campaigns', 'one', campaign], queryFn: ({ signal }) => client.getNotificationsOfficeCampaignsCampaign({ params: { campaign } }, { signal }),
    refetchInterval: (query) => live(query.state.data?.state),
  });
  const unknown = shown.error instanceof Refused && shown.error.code === 'campaign-unknown';
  return (
    <Page title={shown.data ? titleOf(titlesOf(shown.data)) : fill(c.one, { id: shortId(campaign) })} asOf={shown.dataUpdatedAt || undefined}>
      <p><Link to="/announcements">{c.toList}</Link></p>
      {unknown ? <p>{c.unknown}</p> : (
        <Answer query={shown}>{(a) => (
          <>
            <Progress a={a} />
            {me.permissions.includes('notify:send') && <Steer a={a} />}
            <Table caption={c.where} empty={c.nothing} rows={a.reasons} keyOf={(r) => `${r.state} ${r.reason}`} columns={[
              { name: w.state, cell: (r) => w.states[r.state] }, { name: c.why, cell: (r) => (r.reason === null ? words.none : w.reasons[r.reason]) },
              { name: c.count, cell: (r) => count(r.count), number: true },
            ]} />
            <h2>{c.words}</h2>
            <p className="quiet">{c.audience}: {whom(a.told, kinds.data)}</p>
            <Previews of={Object.entries(a.texts).map(([code, t]) => ({ language: code, ...t }))} />
          </>
        )}</Answer>
      )}
    </Page>
  );
}
