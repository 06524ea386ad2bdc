import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { client, fill, pick, words } from '../../parts/client.ts';
import { Filters } from '../../parts/filters.tsx';
import { Id } from '../../parts/ids.tsx';
import { Answer, Page } from '../../parts/page.tsx';
import { useSearchText } from '../../parts/search.ts';
import { Facts, Table } from '../../parts/table.tsx';
import { instantOf, When, whenText } from '../../parts/time.tsx';
import { Secret } from './endpoints.tsx';
import { reasonText, refusal, stateOf, typed, w } from './parts.ts';
import { Versions } from './versions.tsx';

type Shown = Awaited<ReturnType<typeof client.getWebhooksEndpointsEndpoint>>;
const LIVE_MS = 4_000;
const instant = (at: string | null): ReactNode => (at === null ? words.none : <When at={at} />);
const took = (n: number | null): string => (n === null ? words.none : fill(w.ms, { n }));

function Actions({ endpoint }: { endpoint: Shown['endpoint'] }): ReactNode {
  const queries = useQueryClient();
  const [said, say] = useState<string>();
  const input = { params: { endpoint: endpoint.endpoint } };
  const act = useMutation({
    mutationFn: async (what: 'test' | 'enable' | 'disable' | 'verify') => {
      await { test: client.postWebhooksEndpointsEndpointTest, enable: client.postWebhooksEndpointsEndpointEnable,
        disable: client.postWebhooksEndpointsEndpointDisable, verify: client.postWebhooksEndpointsEndpointVerify }[what](input);
      return w.said[what];
    },
    onSuccess: say, onSettled: () => queries.invalidateQueries({ queryKey: ['webhooks'] }),
  });
  const rotate = useMutation({ mutationFn: () => client.postWebhooksEndpointsEndpointRotate({ ...input, body: {} }), onSuccess: () => say(w.said.rotate) });
  const replay = useMutation({
    mutationFn: (form: FormData) => client.postWebhooksEndpointsEndpointReplay({ ...input,
      body: { from: instantOf(typed(form, 'from')).at ?? '', to: instantOf(typed(form, 'to')).at ?? '' } }),
    onSuccess: ({ deliveries }) => say(fill(w.said.replay, { n: deliveries })), onSettled: () => queries.invalidateQueries({ queryKey: ['webhooks'] }),
  });
  const contact = useMutation({
    mutationFn: (form: FormData) => client.putWebhooksEndpointsEndpoint({ ...input, body: { contact: typed(form, 'contact') || null } }),
    onSuccess: () => say(w.said.contact), onSettled: () => queries.invalidateQueries({ queryKey: ['webhooks'] }),
  });
  const busy = act.isPending || rotate.isPending || replay.isPending || contact.isPending;
  const other = endpoint.state === 'disabled' ? 'enable' as const : 'disable' as const;
  return (
    <section>
      <h2>{w.actions}</h2>
      {endpoint.state === 'unverified' && (
        <section className="notice" role="status">
          <p className="notice-title"><strong>{w.unverified}</strong></p>
          <p>{w.unverifiedText} {endpoint.unproven !== null && fill(w.unproven, { reason: reasonText(endpoint.unproven) })}</p>
          <div className="actions"><button type="button" className="second" disabled={busy} onClick={() => act.mutate('verify')}>{w.verify}</button></div>
        </section>
      )}
      <div className="actions">
        <button type="button" className="main" disabled={busy} onClick={() => act.mutate('test')}>{w.test}</button>
        <button type="button" className="second" disabled={busy} onClick={() => rotate.mutate()}>{w.rotate}</button>
        <button type="button" className="second" disabled={busy} onClick={() => act.mutate(other)}>{w[other]}</button>
      </div>
      <p className="quiet">{w.rotate}: {w.rotateText}<br />{w[other]}: {other === 'disable' ? w.disableText : w.enableText}</p>
      <form className="filters" onSubmit={(event) => {
        event.preventDefault();
        replay.mutate(new FormData(event.currentTarget));
      }}>
        <div><label htmlFor="wh-from">{w.replay}: {w.from}</label><input id="wh-from" name="from" type="datetime-local" step={1} required /></div>
        <div><label htmlFor="wh-to">{w.to}</label><input id="wh-to" name="to" type="datetime-local" step={1} required /></div>
        <div className="filter-actions"><button type="submit" className="second" disabled={busy}>{w.replayGo}</button></div>
      </form>
      <form className="filters" onSubmit={(event) => {
        event.preventDefault();
        contact.mutate(new FormData(event.currentTarget));
      }}>
        <div>
          <label htmlFor="wh-contact">{w.contact}</label>
          <input id="wh-contact" name="contact" type="email" maxLength={254} autoComplete="off" aria-describedby="wh-contact-hint" />
          <p className="hint" id="wh-contact-hint">{w.contactHint} {w.contactNone}</p>
        </div>
        <div className="filter-actions"><button type="submit" className="second" disabled={busy}>{w.contactGo}</button></div>
      </form>
      <p role="status">{refusal(act.error ?? rotate.error ?? replay.error ?? contact.error) ?? said}</p>
      {rotate.data && <Secret made={rotate.data} />}
    </section>
  );
}

function Deliveries({ endpoint }: { endpoint: string }): ReactNode {
  const [search, change] = useSearchText();
  const query = pick(search, 'status', 'cursor') as { status?: 'waiting' | 'done' | 'dead'; cursor?: string };
  const found = useQuery({
    queryKey: ['webhooks', 'deliveries', endpoint, query],
    queryFn: ({ signal }) => client.getWebhooksEndpointsEndpointDeliveries({ params: { endpoint }, query }, { signal }), refetchInterval: LIVE_MS,
  });
  return (
    <>
      <Filters filters={[{ name: 'status', label: w.status, options: w.statuses }]} />
      <Answer query={found}>{({ deliveries, cursor }) => (
        <>
          <Table caption={w.deliveries} empty={w.noDeliveries} rows={deliveries} keyOf={(d) => d.delivery} columns={[
            { name: w.delivery, cell: (d) => <Link to="/webhooks/deliveries/$delivery" params={{ delivery: d.delivery }}>{d.delivery}</Link>,
              text: (d) => d.delivery },
            { name: w.type, cell: (d) => <code>{d.type}</code>, text: (d) => d.type }, { name: w.status, cell: (d) => w.statuses[d.status] },
            { name: w.tries, cell: (d) => d.attempts, number: true }, { name: w.reason, cell: (d) => reasonText(d.reason) },
            { name: w.created, cell: (d) => <When at={d.createdAt} />, text: (d) => whenText(d.createdAt) },
            { name: w.next, cell: (d) => instant(d.nextAt), text: (d) => d.nextAt ?? '' },
          ]} />
          {cursor !== null && <p><button type="button" className="link" onClick={() => change({ cursor })}>{words.more}</button></p>}
        </>
      )}</Answer>
    </>
  );
}

export function Endpoint(): ReactNode {
  const { endpoint: id } = useParams({ from: '/webhooks/$endpoint' });
  const found = useQuery({
    queryKey: ['webhooks', 'endpoint', id], queryFn: ({ signal }) => client.getWebhooksEndpointsEndpoint({ params: { endpoint: id } }, { signal }),
    refetchInterval: LIVE_MS,
  });
  return (
    <Page title={found.data?.endpoint.description ?? words.rooms.webhooks.name} asOf={found.dataUpdatedAt || undefined}>
      <p><Link to="/webhooks">{w.toList}</Link></p>
      <Answer query={found}>{({ endpoint: e, lastDay }) => (
        <>
          <Facts rows={[
            [w.url, <code key="u">{e.url}</code>], [w.state, stateOf(e)], ...(e.disabledReason === null ? [] : [[w.why, reasonText(e.disabledReason)] as const]),
            [w.events, e.events.join(' ')], [w.order, e.ordered ? words.yes : words.no], [w.perMinute, e.perMinute ?? words.any], [w.signature, w.signatures[e.signature]],
            ...(e.publicKey === null ? [] : [[w.publicKey, <code key="p">{e.publicKey}</code>] as const]), [w.version, e.version],
            [w.headers, e.headers.join(', ') || words.none], [w.contact, e.contact ?? words.none], [w.waiting, e.waiting], [w.dead, e.dead], [w.failures, e.failures],
            [w.firstFailure, instant(e.firstFailureAt)], [w.lastSuccess, instant(e.lastSuccessAt)],
          ]} />
          <h2>{w.lastDay}</h2>
          <Facts rows={[[w.attempts, lastDay.attempts], [w.succeeded, lastDay.succeeded], [w.p50, took(lastDay.p50Ms)], [w.p95, took(lastDay.p95Ms)]]} />
          <Actions endpoint={e} />
          <Versions endpoint={e.endpoint} version={e.version} />
        </>
      )}</Answer>
      <Deliveries endpoint={id} />
    </Page>
  );
}

export function Delivery(): ReactNode {
  const { delivery } = useParams({ from: '/webhooks/deliveries/$delivery' });
  const found = useQuery({
    queryKey: ['webhooks', 'delivery', delivery], queryFn: ({ signal }) => client.getWebhooksDeliveriesDelivery({ params: { delivery } }, { signal }),
  });
  const again = useMutation({ mutationFn: () => client.postWebhooksDeliveriesDeliveryReplay({ params: { delivery } }) });
  return (
    <Page title={fill(w.title, { id: delivery })} asOf={found.dataUpdatedAt || undefined}>
      <Answer query={found}>{({ delivery: d, body, attempts }) => (
        <>
          <Facts rows={[
            [w.endpoint, <Link key="e" to="/webhooks/$endpoint" params={{ endpoint: d.endpoint }}><Id id={d.endpoint} /></Link>], [w.type, <code key="t">{d.type}</code>],
            [w.id, <code key="i">{d.event}</code>], [w.status, w.statuses[d.status]], [w.reason, reasonText(d.reason)], [w.again, d.manual ? words.yes : words.no],
            [w.created, <When key="c" at={d.createdAt} />], [w.next, instant(d.nextAt)], [w.doneAt, instant(d.doneAt)],
          ]} />
          <div className="actions"><button type="button" className="main" disabled={again.isPending || again.isSuccess} onClick={() => again.mutate()}>{w.replayOne}</button></div>
          <p role="status">{refusal(again.error) ?? (again.isSuccess ? w.oneSaid : undefined)}</p>
          <h2>{w.body}</h2>
          {body === null ? <p>{w.noBody}</p> : <pre tabIndex={0}>{body}</pre>}
          <Table caption={w.attempts} empty={w.noTries} rows={attempts} keyOf={(a) => String(a.no)} columns={[
            { name: w.no, cell: (a) => a.no, number: true }, { name: w.at, cell: (a) => <When at={a.at} />, text: (a) => whenText(a.at) },
            { name: w.answer, cell: (a) => (a.status === null ? reasonText(a.error) : String(a.status)) }, { name: w.took, cell: (a) => took(a.ms), number: true },
            { name: w.excerpt, cell: (a) => a.excerpt ?? words.none },
          ]} />
        </>
      )}</Answer>
    </Page>
  );
}
