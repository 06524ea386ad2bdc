import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import recipe from '../../../../docs/recipes/verify-webhook.md' with { type: 'text' };
import { client, fill } from '../../parts/client.ts';
import { Answer } from '../../parts/page.tsx';
import { Facts } from '../../parts/table.tsx';
import { duration } from '../../parts/time.tsx';
import { Code, d, refusal } from './parts.tsx';

/** The code of the recipe, which is run by its test as it stands there. */
const samples = [...recipe.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((block) => block[1] as string);
type Checked = Awaited<ReturnType<typeof client.postWebhooksEndpointsEndpointCheck>>;
interface Asked { readonly endpoint: string; readonly headers: string; readonly body: string }
const typed = (form: HTMLFormElement, name: string): string => (form.elements.namedItem(name) as HTMLTextAreaElement | HTMLSelectElement).value;

function Verdict({ checked: c, kind, names, days, tolerance }: { checked: Checked; kind: string; names: ReadonlyMap<string, string>; days: number;
  tolerance: number }): ReactNode {
  const values = { age: duration(Math.abs(c.ageSeconds ?? 0)), tolerance: duration(tolerance), header: c.header ?? '', days, kind,
    endpoint: names.get(c.endpoint ?? '') ?? c.endpoint ?? '' };
  return (
    <div className={`notice ${c.valid ? 'done' : 'failed'}`}>
      <p className="notice-title"><strong>{c.valid ? d.good : d.bad}</strong></p>
      <p>{fill(d.verdicts[c.verdict], values)} {c.secret && d.secrets[c.secret]}</p>
    </div>
  );
}

function Mine({ days, tolerance }: { days: number; tolerance: number }): ReactNode {
  const found = useQuery({ queryKey: ['webhooks', 'endpoints'], queryFn: ({ signal }) => client.getWebhooksEndpoints({}, { signal }) });
  const check = useMutation({ mutationFn: async ({ endpoint, ...body }: Asked) =>
    ({ endpoint, checked: await client.postWebhooksEndpointsEndpointCheck({ params: { endpoint }, body }) }) });
  return (
    <>
      <h3>{d.mine}</h3>
      <p>{d.mineText}</p>
      <Answer query={found}>{({ endpoints }) => (!endpoints.length ? <p className="quiet">{d.first} <Link to="/webhooks">{d.steps.endpoint.go}</Link></p> : (
        <form className="card" onSubmit={(event) => {
          event.preventDefault();
          const form = event.currentTarget;
          check.mutate({ endpoint: typed(form, 'endpoint'), headers: typed(form, 'headers'), body: typed(form, 'body') });
        }}>
          <label htmlFor="dev-endpoint">{d.endpoint}</label>
          <select id="dev-endpoint" name="endpoint">{endpoints.map((e) => <option key={e.endpoint} value={e.endpoint}>{e.description} ({e.url})</option>)}</select>
          <label htmlFor="dev-headers">{d.pastedHeaders}</label>
          <textarea id="dev-headers" name="headers" rows={4} required spellCheck={false} autoComplete="off" aria-describedby="dev-headers-hint" />
          <p className="hint" id="dev-headers-hint">{d.headersHint}</p>
          <label htmlFor="dev-body">{d.pastedBody}</label>
          <textarea id="dev-body" name="body" rows={4} required spellCheck={false} autoComplete="off" aria-describedby="dev-body-hint" />
          <p className="hint" id="dev-body-hint">{d.bodyHint}</p>
          <div className="actions"><button type="submit" className="main" disabled={check.isPending}>{d.check}</button></div>
          <div role="status" className="actions">
            {refusal(check.error)}
            {check.data && <Verdict checked={check.data.checked} days={days} tolerance={tolerance}
              kind={endpoints.find((e) => e.endpoint === check.data.endpoint)?.signature ?? ''}
              names={new Map(endpoints.map((e) => [e.endpoint, `${e.description} (${e.url})`]))} />}
          </div>
        </form>
      ))}</Answer>
    </>
  );
}

export function Signature({ days, tolerance }: { days: number; tolerance: number }): ReactNode {
  return (
    <section>
      <h2>{d.signature}</h2>
      <p>{d.headers}</p>
      <Facts rows={[['webhook-id', d.headerId], ['webhook-timestamp', d.headerTime], ['webhook-signature', d.headerSignature]]} />
      <p>{d.rule}</p>
      <details><summary>{d.withPackage}</summary><Code text={samples[0] ?? ''} name={d.withPackage} /></details>
      <details><summary>{d.byHand}</summary><Code text={samples[1] ?? ''} name={d.byHand} /></details>
      <Mine days={days} tolerance={tolerance} />
    </section>
  );
}
