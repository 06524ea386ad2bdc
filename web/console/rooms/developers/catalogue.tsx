import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { client, fill } from '../../parts/client.ts';
import { Answer } from '../../parts/page.tsx';
import { useSearchText } from '../../parts/search.ts';
import { dayText } from '../../parts/time.tsx';
import { Code, d } from './parts.tsx';

type Event = Awaited<ReturnType<typeof client.getWebhooksCatalogue>>['events'][number];

const fits = (e: Event, text: string): boolean =>
  text.toLowerCase().split(/\s+/).every((word) => `${e.name} ${e.doc} ${e.fields.map((f) => f.name).join(' ')}`.toLowerCase().includes(word));

function Fields({ event: e }: { event: Event }): ReactNode {
  const patterns = e.fields.some((f) => f.pattern !== null);
  if (!e.fields.length) return <p className="quiet">{d.noFields}</p>;
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={`${d.field}: ${e.name}`}>
      <table className="grid">
        <thead><tr><th scope="col">{d.field}</th><th scope="col">{d.type}</th>{patterns && <th scope="col">{d.pattern}</th>}</tr></thead>
        <tbody>{e.fields.map((f) => <tr key={f.name}><td><code>{f.name}</code></td><td><span className="wrap">{f.type}</span></td>{patterns && <td><code className="wrap">{f.pattern}</code></td>}</tr>)}</tbody>
      </table>
    </div>
  );
}

function Inside({ event: e }: { event: Event }): ReactNode {
  const [at, choose] = useState(0);
  const chosen = e.versions[at] ?? e.versions[0] as Event['versions'][number];
  const since = (v: Event['versions'][number]): string => fill(d.since, { version: v.version, day: dayText(v.since) });
  return (
    <>
      <Fields event={e} />
      {e.versions.length === 1 ? <p className="quiet">{since(chosen)}</p> : (
        <p>
          <label htmlFor={`v-${e.name}`}>{d.version}</label>
          <select id={`v-${e.name}`} value={at} onChange={(event) => choose(Number(event.target.value))}>
            {e.versions.map((v, i) => <option key={v.version} value={i}>{since(v)}</option>)}
          </select>
        </p>
      )}
      {chosen.body === null ? <p>{d.retired}</p> : <Code text={chosen.body} name={`${d.body}: ${e.name}`} />}
      <details><summary>{d.schema}</summary><Code text={JSON.stringify(JSON.parse(e.schema), null, 2)} name={`${d.schema}: ${e.name}`} /></details>
    </>
  );
}

function One({ event: e, open }: { event: Event; open: boolean }): ReactNode {
  const [opened, setOpened] = useState(open);
  return (
    <details open={opened} onToggle={(event) => setOpened(event.currentTarget.open)}>
      <summary><code>{e.name}</code> <span className="quiet" lang="en">{e.doc}</span></summary>
      {opened && <div className="card"><Inside event={e} /></div>}
    </details>
  );
}

/** Every event of the tenant; what is searched for stands in the address once Enter is pressed. */
export function Catalogue(): ReactNode {
  const [search, change] = useSearchText();
  const [typed, setTyped] = useState(search.q ?? '');
  const found = useQuery({ queryKey: ['webhooks', 'catalogue'], queryFn: ({ signal }) => client.getWebhooksCatalogue({}, { signal }), staleTime: Number.POSITIVE_INFINITY });
  return (
    <section>
      <h2>{d.events}</h2>
      <p>{d.eventsText}</p>
      <Answer query={found}>{({ events }) => {
        const shown = events.filter((e) => fits(e, typed.trim()));
        if (!events.length) return <p className="quiet">{d.noEvents}</p>;
        return (
          <>
            <form className="filters" role="search" onSubmit={(event) => {
              event.preventDefault();
              change({ q: typed.trim() });
            }}>
              <div>
                <label htmlFor="dev-q">{d.search}</label>
                <input id="dev-q" type="search" value={typed} autoComplete="off" spellCheck={false} aria-describedby="dev-q-hint" onChange={(event) => setTyped(event.target.value)} />
                <p className="hint" id="dev-q-hint">{d.searchHint}</p>
              </div>
            </form>
            <p className="quiet" role="status">{shown.length ? fill(d.found, { n: shown.length, all: events.length }) : d.nothing}</p>
            {shown.map((e) => <One key={e.name} event={e} open={search.q === e.name} />)}
          </>
        );
      }}</Answer>
    </section>
  );
}
