import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, type ReactNode } from 'react';
import { client, fill, Refused, words } from '../../parts/client.ts';
import { useKeys } from '../../parts/keys.ts';
import { isMe, refusalText, wallet } from './parts.ts';

export type CaseOf = Awaited<ReturnType<typeof client.getWalletOfficeKycCase>>;
export type State = CaseOf['state'];
type Reason = NonNullable<Parameters<typeof client.postWalletOfficeKycCaseDecision>[0]['body']['reason']>;
type Verdict = { readonly verdict: 'approve' } | { readonly verdict: 'refuse'; readonly reason: Reason };

const w = wallet.kyc;
export const stateText = (state: string): string => ({ ...w.states, ...w.hitStates })[state] ?? state;

/** What one operator thinks of a case. What came of it is said where the buttons were, and takes the focus, since they may be gone. */
export function Decide({ of, me }: { of: CaseOf; me: string }): ReactNode {
  const queries = useQueryClient();
  const { keyOf, end } = useKeys();
  const said = useRef<HTMLParagraphElement>(null);
  const vote = useMutation({
    mutationFn: (body: Verdict) => client.postWalletOfficeKycCaseDecision({ params: { case: of.case }, body }, { key: keyOf(JSON.stringify(body)) }),
    onSuccess: (value) => queries.setQueryData(['case', of.case], value),
    onError: (error) => {
      if (!(error instanceof Refused)) return undefined;
      end();
      // Somebody else was here meanwhile: what is shown is not what was decided upon.
      return queries.invalidateQueries({ queryKey: ['case', of.case] });
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['kyc'] }),
  });
  const settled = vote.isSuccess || vote.isError;
  useEffect(() => { if (settled) said.current?.focus(); }, [settled, vote.submittedAt]);
  const mine = of.votes.some((v) => isMe(me, v.operator));
  const open = of.state === 'open';
  return (
    <section>
      <h2>{open ? w.decide : w.decision}</h2>
      {open && <p>{w.four}</p>}
      {open && of.hits > 0 && !mine && <p>{w.blocked}</p>}
      {open && !mine && (
        <>
          <p><button type="button" className="main" disabled={vote.isPending} onClick={() => vote.mutate({ verdict: 'approve' })}>{w.approve}</button></p>
          <form className="filters" onSubmit={(event) => {
            event.preventDefault();
            const { value } = event.currentTarget.elements.namedItem('reason') as HTMLSelectElement;
            vote.mutate({ verdict: 'refuse', reason: value as Reason });
          }}>
            <div>
              <label htmlFor="reason">{w.refuseReason}</label>
              <select id="reason" name="reason" required defaultValue="">
                <option value="" disabled>{words.none}</option>
                {Object.entries(w.reasons).map(([code, text]) => <option key={code} value={code}>{text}</option>)}
              </select>
            </div>
            <div className="filter-actions"><button type="submit" className="second" disabled={vote.isPending}>{w.refuse}</button></div>
          </form>
        </>
      )}
      {open && mine && !vote.isSuccess && <p>{w.mine}</p>}
      {!open && !vote.isSuccess && <p>{fill(w.over, { state: stateText(of.state) })}</p>}
      <p role="status" ref={said} tabIndex={-1}>
        {vote.data && (vote.data.state === 'open' ? w.done.first : w.done[vote.data.state])}
        {vote.error && refusalText(vote.error, w.problems, stateText)}
      </p>
    </section>
  );
}
