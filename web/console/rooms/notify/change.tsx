import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { client, Refused } from '../../parts/client.ts';
import { useKeys } from '../../parts/keys.ts';
import { useMe } from '../../shell.tsx';
import { DraftForm, draftOf, type Shown, type Written } from './draft.tsx';
import { Previews } from './editor.tsx';
import { w } from './parts.ts';

const c = w.campaigns;

/**
 * Changes a draft as it was when the form was opened. Where somebody else was quicker, theirs stands and is shown, what was typed stays in the
 * form, and whoever typed it says which of the two goes on.
 */
export function Change({ a, close }: { a: Shown; close: (changed: boolean) => void }): ReactNode {
  const me = useMe();
  const queries = useQueryClient();
  const { keyOf, end } = useKeys();
  const heading = useRef<HTMLHeadingElement>(null);
  const [from, take] = useState(() => ({ version: a.version, draft: draftOf(a, me.tenant.languages), round: 0 }));
  useEffect(() => heading.current?.focus(), []);
  const write = useMutation({
    mutationFn: (body: Written) => client.putNotificationsOfficeCampaignsCampaign({ params: { campaign: a.campaign }, body: { ...body, version: from.version } },
      { key: keyOf(JSON.stringify([body, from.version])) }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['campaigns'] });
      close(true);
    },
    onError: async (error) => {
      if (!(error instanceof Refused)) return;
      end();
      await queries.invalidateQueries({ queryKey: ['campaigns'] });
    },
  });
  const overtaken = a.state !== 'draft' || (a.version !== from.version && !write.isSuccess && !write.isPending);
  const theirs = (): void => {
    write.reset();
    take({ version: a.version, draft: draftOf(a, me.tenant.languages), round: from.round + 1 });
  };
  return (
    <section>
      <h2 ref={heading} tabIndex={-1}>{c.change}</h2>
      {overtaken && (
        <section className="notice failed" role="alert">
          <p className="notice-title"><strong>{a.state === 'draft' ? c.overtaken : c.noDraft}</strong></p>
          <p>{a.state === 'draft' ? c.overtakenText : c.noDraftText}</p>
          <Previews of={Object.entries(a.texts).map(([code, t]) => ({ language: code, ...t }))} />
          {a.state === 'draft' && (
            <div className="actions">
              <button type="button" className="second" onClick={theirs}>{c.takeTheirs}</button>
              <button type="button" className="second" onClick={() => {
                write.reset();
                take({ ...from, version: a.version });
              }}>{c.takeMine}</button>
            </div>
          )}
        </section>
      )}
      <DraftForm key={from.round} id="change" of={from.draft} label={c.keepChange} save={(body) => write.mutate(body)} busy={write.isPending || write.isSuccess || overtaken}
        failed={write.error}>
        <button type="button" className="link" onClick={() => close(false)}>{c.leave}</button>
      </DraftForm>
    </section>
  );
}
