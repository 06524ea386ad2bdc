import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { client, fill } from '../../parts/client.ts';
import { Answer } from '../../parts/page.tsx';
import { dayText } from '../../parts/time.tsx';
import { refusal, w } from './parts.ts';

type Change = Awaited<ReturnType<typeof client.getWebhooksEndpointsEndpointVersions>>['changes'][number];
const pretty = (body: string): string => JSON.stringify(JSON.parse(body), null, 2);

const Side = ({ label, of }: { label: string; of: Change['pinned'] }): ReactNode => (
  <>
    <p><strong>{label}</strong></p>
    {of.body === null ? <p role="status">{w.notMade}</p> : <pre tabIndex={0}>{pretty(of.body)}</pre>}
  </>
);

/** Which shapes an endpoint gets, and what the newest would change for it; it is moved only from a look at both. */
export function Versions({ endpoint, version }: { endpoint: string; version: string }): ReactNode {
  const queries = useQueryClient();
  const found = useQuery({
    queryKey: ['webhooks', 'versions', endpoint, version], queryFn: ({ signal }) => client.getWebhooksEndpointsEndpointVersions({ params: { endpoint } }, { signal }),
  });
  const move = useMutation({
    mutationFn: (to: string) => client.putWebhooksEndpointsEndpoint({ params: { endpoint }, body: { version: to } }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['webhooks'] }),
  });
  return (
    <section>
      <h2>{w.version}</h2>
      <Answer query={found}>{(v) => (v.version === v.newest ? <p className="quiet">{fill(w.versionNow, { version: v.version })}</p> : (
        <>
          <p>{fill(w.versionOld, { version: v.version, newest: v.newest })} {v.changes.length ? w.versionText : w.versionSame}</p>
          {v.changes.map((c) => (
            <section className="card" key={c.type}>
              <p><code>{c.type}</code> <span className="quiet">{fill(w.since, { day: dayText(c.since) })}</span></p>
              <Side label={w.gets} of={c.pinned} />
              <Side label={w.wouldGet} of={c.newest} />
            </section>
          ))}
          <div className="actions"><button type="button" className="second" disabled={move.isPending} onClick={() => move.mutate(v.newest)}>{fill(w.move, { newest: v.newest })}</button></div>
        </>
      ))}</Answer>
      <p role="status">{refusal(move.error) ?? (move.isSuccess ? w.moved : undefined)}</p>
    </section>
  );
}
