import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useRef, useState, type ReactNode } from 'react';
import { flushSync } from 'react-dom';
import { client, fill, language, locale, pick, Refused, words } from '../../parts/client.ts';
import { Pages } from '../../parts/filters.tsx';
import { shortId } from '../../parts/ids.tsx';
import { useKeys } from '../../parts/keys.ts';
import { Answer, Page } from '../../parts/page.tsx';
import { useSearchText } from '../../parts/search.ts';
import { Facts, Table } from '../../parts/table.tsx';
import { duration, When, whenText } from '../../parts/time.tsx';
import { useMe } from '../../shell.tsx';
import { Change } from './change.tsx';
import { blank, DraftForm, EVERYONE, useKinds, type Shown, type Written } from './draft.tsx';
import { Previews, refusalOf } from './editor.tsx';
import { w } from './parts.ts';

type Campaign = Awaited<ReturnType<typeof client.getNotificationsOfficeCampaigns>>['campaigns'][number];
type Verb = keyof typeof c.verbs;
const c = w.campaigns;
const LIVE_MS = 10_000;
/** People are counted up to this many. */
const COUNTED_MAX = 100_000;

const numbers = new Intl.NumberFormat(`${locale}-u-nu-latn`);
const count = (n: number): string => numbers.format(n);
const wanted = (of: { readonly wanted: number }): string => (of.wanted === COUNTED_MAX ? fill(c.counted, { n: count(COUNTED_MAX) }) : count(of.wanted));
const people = (of: { readonly people: number; readonly wanted: number }): string => fill(c.of, { done: count(of.people), total: wanted(of) });
const left = ({ waiting, delayed }: Campaign['progress']): number => waiting + delayed;
const done = (p: Campaign['progress']): string => fill(c.of, { done: count(p.total - left(p)), total: count(p.total) });
const titleOf = (texts: Readonly<Record<string, string>>): string => texts[language] ?? Object.values(texts)[0] ?? '';
const live = (state: Campaign['state'] | undefined): number | false => (state === 'draft' || state === 'stopped' ? false : LIVE_MS);

const whom = (told: string | null, kinds: ReturnType<typeof useKinds>['data']): string => (told === null ? c.named : told === EVERYONE ? c.everyone
  : fill(c.toldOf, { doc: kinds?.templates.find((k) => k.kind === told)?.doc ?? told }));

/** Writes a draft; whoever may not send is shown none of this. */
function Write(): ReactNode {
  const me = useMe();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { keyOf, end } = useKeys();
  const write = useMutation({
    mutationFn: (body: Written) => client.postNotificationsOfficeCampaigns({ body: { ...body, draft: true } }, { key: keyOf(JSON.stringify(body)) }),
    onSuccess: async ({ campaign }) => {
      await queries.invalidateQueries({ queryKey: ['campaigns'] });
      await navigate({ to: '/announcements/$campaign', params: { campaign } });
    },
    onError: (error) => { if (error instanceof Refused) end(); },
  });
  return (
    <section>
      <h2>{c.write}</h2>
      <p className="quiet">{c.writeText}</p>
      <DraftForm id="ann" of={blank(me.tenant.languages)} label={c.keep} save={(body) => write.mutate(body)} busy={write.isPending || write.isSuccess} failed={write.error} />
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

/** A draft begins, or goes, only as it stands on this page. */
const CALLS: Readonly<Record<Verb, (a: Shown, key: string) => Promise<unknown>>> = {
  start: ({ campaign, version }, key) => client.postNotificationsOfficeCampaignsCampaignStart({ params: { campaign }, body: { version } }, { key }),
  pause: ({ campaign }, key) => client.postNotificationsOfficeCampaignsCampaignPause({ params: { campaign } }, { key }),
  resume: ({ campaign }, key) => client.postNotificationsOfficeCampaignsCampaignResume({ params: { campaign } }, { key }),
  stop: ({ campaign }, key) => client.postNotificationsOfficeCampaignsCampaignStop({ params: { campaign } }, { key }),
  discard: ({ campaign, version }, key) => client.postNotificationsOfficeCampaignsCampaignDiscard({ params: { campaign }, body: { version } }, { key }),
};
/** What cannot be taken back is asked about once more. */
const SURE: Readonly<Partial<Record<Verb, string>>> = { stop: c.sure, discard: c.sureDiscard };
const VERBS: Readonly<Record<Campaign['state'], readonly Verb[]>> = { draft: ['start', 'discard'], running: ['pause', 'stop'], paused: ['resume', 'stop'], stopped: [], done: [] };

/** What can be done with it now, each with what follows from it. */
function Steer({ a }: { a: Shown }): ReactNode {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { keyOf, end } = useKeys();
  const [asking, ask] = useState(false);
  const steer = useMutation({
    mutationFn: (verb: Verb) => CALLS[verb](a, keyOf(`${verb} ${a.version}`)),
    onSuccess: async (_, verb) => { if (verb === 'discard') await navigate({ to: '/announcements' }); },
    onSettled: () => {
      end();
      ask(false);
      return queries.invalidateQueries({ queryKey: ['campaigns'] });
    },
  });
  const consequence = (verb: Verb): string => fill({ start: c.startText, pause: c.pauseText, resume: c.resumeText, stop: c.stopText, discard: c.discardText }[verb],
    { people: wanted(a), time: duration(Math.ceil((a.wanted * 60) / a.perMinute)) });
  return (
    <section>
      {VERBS[a.state].map((verb) => (
        <div key={verb}>
          <p className="quiet">{consequence(verb)}</p>
          <div className="actions">
            {SURE[verb] && asking ? (
              <>
                <button type="button" className="main" disabled={steer.isPending} onClick={() => steer.mutate(verb)}>{fill(SURE[verb], { title: titleOf(titlesOf(a)) })}</button>
                <button type="button" className="link" onClick={() => ask(false)}>{c.keepOn}</button>
              </>
            ) : (
              <button type="button" className={verb === 'start' || verb === 'resume' ? 'main' : 'second'} disabled={steer.isPending}
                onClick={() => (SURE[verb] ? ask(true) : steer.mutate(verb))}>{c.verbs[verb]}</button>
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
  const [changing, change] = useState(false);
  const [changed, say] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const close = (done: boolean): void => {
    flushSync(() => {
      change(false);
      say(done);
    });
    opener.current?.focus();
  };
  const shown = useQuery({
    queryKey: ['campaigns', 'one', campaign], queryFn: ({ signal }) => client.getNotificationsOfficeCampaignsCampaign({ params: { campaign } }, { signal }),
    refetchInterval: (query) => live(query.state.data?.state),
  });
  const unknown = shown.error instanceof Refused && shown.error.code === 'campaign-unknown';
  return (
    <Page title={shown.data ? titleOf(titlesOf(shown.data)) : fill(c.one, { id: shortId(campaign) })} asOf={shown.dataUpdatedAt || undefined}>
      <p><Link to="/announcements">{c.toList}</Link></p>
      {/* What is being typed stays, even where somebody discarded the draft. */}
      {unknown && !changing ? <p>{c.unknown}</p> : (
        <Answer query={shown}>{(a) => (
          <>
            <Progress a={a} />
            {changing && <Change a={a} close={close} />}
            {!changing && me.permissions.includes('notify:send') && (
              <>
                {a.state === 'draft' && <div className="actions"><button type="button" className="second" ref={opener} onClick={() => change(true)}>{c.change}</button></div>}
                <p role="status">{changed && a.state === 'draft' && c.changed}</p>
                <Steer a={a} />
              </>
            )}
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
