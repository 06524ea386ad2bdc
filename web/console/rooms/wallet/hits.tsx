import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, type ReactNode } from 'react';
import { client, fill, locale, Refused, words } from '../../parts/client.ts';
import { useKeys } from '../../parts/keys.ts';
import { Table } from '../../parts/table.tsx';
import { stateText, type CaseOf } from './decide.tsx';
import { refusalText, wallet } from './parts.ts';

type Hit = CaseOf['hitsFound'][number];
interface Said { readonly hit: Hit; readonly verdict: 'cleared' | 'confirmed' }

const w = wallet.kyc;
const THOUSAND = 1000;
const alike = new Intl.NumberFormat(`${locale}-u-nu-latn`, { style: 'percent', maximumFractionDigits: 1 });

/** A case with one of its hits decided: a look at the route again would be one more fact about the person. */
function withHit(of: CaseOf, { hit, state }: Pick<Hit, 'hit' | 'state'>): CaseOf {
  const hitsFound = of.hitsFound.map((h) => (h.hit === hit ? { ...h, state } : h));
  return { ...of, hitsFound, hits: hitsFound.filter((h) => h.state !== 'cleared').length };
}

export function Hits({ of }: { of: CaseOf }): ReactNode {
  const queries = useQueryClient();
  const { keyOf, end } = useKeys();
  const told = useRef<HTMLParagraphElement>(null);
  const decide = useMutation({
    mutationFn: ({ hit, verdict }: Said) =>
      client.postWalletOfficeHitsHitDecision({ params: { hit: hit.hit }, body: { verdict } }, { key: keyOf(`${hit.hit} ${verdict}`) }),
    onSuccess: (value) => queries.setQueryData(['case', of.case], (now: CaseOf | undefined) => now && withHit(now, value)),
    onError: (error) => {
      if (!(error instanceof Refused)) return undefined;
      end();
      return queries.invalidateQueries({ queryKey: ['case', of.case] });
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['kyc'] }),
  });
  const settled = decide.isSuccess || decide.isError;
  useEffect(() => { if (settled) told.current?.focus(); }, [settled, decide.submittedAt]);
  const button = (hit: Hit, verdict: Said['verdict'], text: string): ReactNode => (
    <button type="button" className="second" disabled={decide.isPending} aria-label={`${text}: ${hit.name}`}
      onClick={() => decide.mutate({ hit, verdict })}>{text}</button>
  );
  return (
    <>
      <Table caption={w.hitsFound} empty={w.noHits} rows={of.hitsFound} keyOf={(h) => h.hit} columns={[
        { name: w.listName, cell: (h) => <span className="wrap">{h.name}</span>, text: (h) => h.name },
        { name: w.score, cell: (h) => alike.format(h.score / THOUSAND), number: true },
        { name: w.decision, text: (h) => w.hitStates[h.state], cell: (h) => (h.state === 'open'
          ? <div className="actions">{button(h, 'cleared', w.isNot)}{button(h, 'confirmed', w.is)}</div> : w.hitStates[h.state]) },
        { name: w.entry, cell: (h) => h.entry }, { name: w.listBirth, cell: (h) => h.birthDate ?? words.none },
      ]} />
      {of.hitsFound.some((h) => h.state === 'open') && <p className="quiet">{w.hitText}</p>}
      <p role="status" ref={told} tabIndex={-1}>
        {decide.data && fill(w.hitDone, { name: decide.data.name, state: stateText(decide.data.state) })}
        {decide.error && refusalText(decide.error, w.problems, stateText)}
      </p>
    </>
  );
}
