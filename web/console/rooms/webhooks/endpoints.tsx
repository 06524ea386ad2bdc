import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { client, words } from '../../parts/client.ts';
import { Answer, Page } from '../../parts/page.tsx';
import { Facts, Table } from '../../parts/table.tsx';
import { refusal, stateOf, typed, w } from './parts.ts';

/** The secret of an endpoint, in the one answer that holds it. */
export function Secret({ made }: { made: { readonly endpoint: { readonly publicKey: string | null }; readonly secret: string } }): ReactNode {
  return (
    <section className="notice done" role="status">
      <p className="notice-title"><strong>{w.secret}</strong></p>
      <p>{w.secretText}</p>
      <Facts rows={[
        [w.secret, <code key="s">{made.secret}</code>],
        ...(made.endpoint.publicKey === null ? [] : [[w.publicKey, <code key="p">{made.endpoint.publicKey}</code>] as const]),
      ]} />
    </section>
  );
}

function Make(): ReactNode {
  const queries = useQueryClient();
  const [round, setRound] = useState(0);
  const make = useMutation({
    mutationFn: (form: FormData) => client.postWebhooksEndpoints({ body: {
      url: typed(form, 'url'), description: typed(form, 'description'), events: typed(form, 'events').split(/[\s,]+/).filter(Boolean),
      ordered: form.has('ordered'), perMinute: typed(form, 'perMinute') ? Number(typed(form, 'perMinute')) : null, contact: typed(form, 'contact') || null, signature: typed(form, 'signature') === 'v1a' ? 'v1a' : 'v1',
    } }),
    onSuccess: async () => {
      setRound((n) => n + 1);
      await queries.invalidateQueries({ queryKey: ['webhooks'] });
    },
  });
  return (
    <section>
      <h2>{w.make}</h2>
      <p className="quiet">{w.makeText}</p>
      <form className="card" key={round} onSubmit={(event) => {
        event.preventDefault();
        make.mutate(new FormData(event.currentTarget));
      }}>
        <label htmlFor="wh-url">{w.url}</label>
        <input id="wh-url" name="url" type="url" required maxLength={2048} autoComplete="off" spellCheck={false} aria-describedby="wh-said" />
        <label htmlFor="wh-description">{w.description}</label>
        <input id="wh-description" name="description" required maxLength={200} />
        <label htmlFor="wh-events">{w.events}</label>
        <input id="wh-events" name="events" required defaultValue="*" autoComplete="off" spellCheck={false} aria-describedby="wh-events-hint" />
        <p className="hint" id="wh-events-hint">{w.eventsHint}</p>
        <label htmlFor="wh-signature">{w.signature}</label>
        <select id="wh-signature" name="signature" defaultValue="v1">
          {Object.entries(w.signatures).map(([kind, text]) => <option key={kind} value={kind}>{text}</option>)}
        </select>
        <label htmlFor="wh-rate">{w.perMinute}</label>
        <input id="wh-rate" name="perMinute" type="number" min={1} max={60_000} step={1} inputMode="numeric" aria-describedby="wh-rate-hint" />
        <p className="hint" id="wh-rate-hint">{w.perMinuteHint}</p>
        <label htmlFor="wh-contact">{w.contact}</label>
        <input id="wh-contact" name="contact" type="email" maxLength={254} autoComplete="off" aria-describedby="wh-contact-hint" />
        <p className="hint" id="wh-contact-hint">{w.contactHint}</p>
        <p><label><input type="checkbox" name="ordered" /> {w.ordered}</label></p>
        <div className="actions"><button type="submit" className="main" disabled={make.isPending}>{w.go}</button></div>
        <p role="status" id="wh-said">{refusal(make.error)}</p>
      </form>
      {make.data && <Secret made={make.data} />}
    </section>
  );
}

export function Endpoints(): ReactNode {
  const found = useQuery({ queryKey: ['webhooks', 'endpoints'], queryFn: ({ signal }) => client.getWebhooksEndpoints({}, { signal }) });
  return (
    <Page title={words.rooms.webhooks.name} asOf={found.dataUpdatedAt || undefined}>
      <Answer query={found}>{({ endpoints }) => (
        <Table caption={w.list} empty={w.empty} rows={endpoints} keyOf={(e) => e.endpoint} columns={[
          { name: w.url, cell: (e) => <Link to="/webhooks/$endpoint" params={{ endpoint: e.endpoint }}>{e.url}</Link>, text: (e) => e.url },
          { name: w.description, cell: (e) => e.description }, { name: w.events, cell: (e) => e.events.join(' ') }, { name: w.state, cell: stateOf },
          { name: w.waiting, cell: (e) => e.waiting, number: true }, { name: w.dead, cell: (e) => e.dead, number: true },
          { name: w.failures, cell: (e) => e.failures, number: true },
        ]} />
      )}</Answer>
      <Make />
    </Page>
  );
}
