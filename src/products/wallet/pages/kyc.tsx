import type { VNode } from 'preact';
import { fill, form, page, type FormState, type Outcome, type PageContext, type Rendered } from '#kernel';
import { Badge, ErrorSummary, Hidden, Notice } from '#kit';
import { UPLOAD_BYTES_MAX, type KycView } from '../contract.ts';
import { kycRoute, uploadRoute } from '../routes.ts';
import { dayText, errorText, problemText, wordsOf } from './parts.tsx';

const TIER_BY_DOCUMENTS = 2;
const KINDS = ['identity', 'address'] as const;

function State({ context, kyc }: { context: PageContext; kyc: KycView }): VNode | null {
  const w = wordsOf(context).kyc;
  if (kyc.tier >= TIER_BY_DOCUMENTS) return <Notice meaning="done" title={w.known} />;
  if (kyc.case?.state === 'open') return <Notice meaning="waiting" title={w.waiting} />;
  if (kyc.case?.state !== 'refused') return null;
  const reasons: Readonly<Record<string, string>> = w.reasons;
  return <Notice meaning="needs-you" title={fill(w.refused, { reason: reasons[kyc.case.reason ?? ''] ?? w.reasons.other })} />;
}

function Sent({ context, kyc }: { context: PageContext; kyc: KycView }): VNode {
  const w = wordsOf(context).kyc;
  if (!kyc.case) return <p class="quiet">{w.none}</p>;
  return (
    <ul class="cards">
      {kyc.case.documents.map((d) => (
        <li class="card"><Badge meaning={kyc.case?.state === 'approved' ? 'done' : kyc.case?.state === 'refused' ? 'failed' : 'waiting'}>
          {fill(w.line, { kind: w.kinds[d.kind], date: dayText(context, d.uploadedAt) })}
          {d.disposedAt && ` ${fill(w.gone, { date: dayText(context, d.disposedAt) })}`}</Badge></li>
      ))}
    </ul>
  );
}

function Upload({ context, state }: { context: PageContext; state: FormState }): VNode {
  const w = wordsOf(context).kyc;
  const wrong = state.errors.file;
  return (
    <form method="post" action={`${context.base}/wallet/kyc`} enctype="multipart/form-data" noValidate>
      <Hidden context={context} />
      <div class="field">
        <label for="kind">{w.kind}</label>
        <select id="kind" name="kind" class="w20">{KINDS.map((k) => <option value={k} selected={k === state.values.kind}>{w.kinds[k]}</option>)}</select>
      </div>
      <div class={wrong ? 'field wrong' : 'field'}>
        <label for="file">{w.file}</label>
        <p class="hint" id="file-hint">{w.fileHint}</p>
        {wrong && <p class="error" id="file-error">{errorText(context)(wrong)}</p>}
        <input id="file" name="file" type="file" accept="image/jpeg,image/png,application/pdf" aria-describedby={['file-hint',
          ...(wrong ? ['file-error'] : [])].join(' ')}
          {...(wrong ? { 'aria-invalid': 'true' as const } : {})} />
      </div>
      <div class="actions"><button type="submit" class="main">{w.go}</button></div>
    </form>
  );
}

function kycView(context: PageContext, outcome: Outcome<KycView> | undefined, state: FormState): Rendered {
  const w = wordsOf(context).kyc;
  const kyc = outcome?.ok ? outcome.value : undefined;
  const problem = problemText(context, state, undefined);
  return {
    title: w.title,
    body: (
      <>
        <ErrorSummary form={state} errorText={errorText(context)} context={context}>{problem && <p>{problem}</p>}</ErrorSummary>
        <h1>{w.title}</h1>
        {kyc && <State context={context} kyc={kyc} />}
        {(!kyc || kyc.tier < TIER_BY_DOCUMENTS) && <><p class="lead">{w.lead}</p><Upload context={context} state={state} /></>}
        {kyc && <><h2>{w.sent}</h2><Sent context={context} kyc={kyc} /></>}
        <p class="back"><a href={`${context.base}/wallet`}>{wordsOf(context).account.back}</a></p>
      </>
    ),
  };
}

export const kycPage = page<KycView>('GET /wallet/kyc', { route: kycRoute, input: () => ({}), view: kycView });
export const uploadForm = form('POST /wallet/kyc', {
  route: uploadRoute, uploadMax: UPLOAD_BYTES_MAX,
  fields(values, { files }) {
    const file = files.file;
    const kind = KINDS.find((k) => k === values.kind);
    if (!file || !/^(?:image\/jpeg|image\/png|application\/pdf)$/.test(file.type)) return { errors: { file: 'file' } };
    return kind ? { input: { body: { kind, type: file.type, data: file.base64 } } } : { errors: { kind: 'kind' } };
  },
  then: () => ({ to: '/wallet/kyc' }),
  again: (context, state) => kycView(context, undefined, state),
});
