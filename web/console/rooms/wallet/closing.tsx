import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useEffect, useRef, type ReactNode } from 'react';
import { client, fill, Refused, words } from '../../parts/client.ts';
import { FactLink, Id, shortId } from '../../parts/ids.tsx';
import { useKeys } from '../../parts/keys.ts';
import { amountText } from '../../parts/money.ts';
import { Answer, Page } from '../../parts/page.tsx';
import { Facts, Table } from '../../parts/table.tsx';
import { When, whenText } from '../../parts/time.tsx';
import { useMe } from '../../shell.tsx';
import { countText, isMe, refusalText, wallet } from './parts.ts';

type Of = Awaited<ReturnType<typeof client.getWalletOfficeAccountsAccountClosing>>;
type Closing = Of['closings'][number];
type Body = Parameters<typeof client.postWalletOfficeAccountsAccountClosing>[0]['body'];
type Verdict = Parameters<typeof client.postWalletOfficeClosingsClosingDecision>[0]['body']['verdict'];

const w = wallet.close;
const LIVE_MS = 10_000;
const amount = (m: Of['rest']): string => amountText(m.amount, m.currency);
const nameOf = (a: Of['into'][number]): string => a.handle ?? shortId(a.account);
const stateText = (state: string): string => (w.states as Readonly<Record<string, string>>)[state] ?? state;

/** Closings that wait for a second operator, and the way to any other account. */
export function Closings(): ReactNode {
  const navigate = useNavigate();
  const found = useQuery({ queryKey: ['closings'], queryFn: ({ signal }) => client.getWalletOfficeClosings({}, { signal }), refetchInterval: LIVE_MS });
  return (
    <>
      <Answer query={found}>{({ closings }) => (
        <Table caption={w.list} empty={w.empty} rows={closings} keyOf={(c) => c.closing} columns={[
          { name: w.asked, cell: (c) => <Link to="/kyc/accounts/$account" params={{ account: c.account }}><When at={c.askedAt} /></Link>,
            text: (c) => whenText(c.askedAt) },
          { name: w.account, cell: (c) => <Id id={c.account} />, text: (c) => c.account }, { name: w.reason, cell: (c) => w.reasons[c.reason] },
        ]} />
      )}</Answer>
      <form className="filters" onSubmit={(event) => {
        event.preventDefault();
        const { value } = event.currentTarget.elements.namedItem('account') as HTMLInputElement;
        void navigate({ to: '/kyc/accounts/$account', params: { account: value.trim().toLowerCase() } });
      }}>
        <div>
          <label htmlFor="closing-account">{w.number}</label>
          <input id="closing-account" name="account" required pattern="\s*[wW][aA][lL]_[0-9a-fA-F]{32}\s*" title={w.numberHint} autoComplete="off" spellCheck={false} />
        </div>
        <div className="filter-actions"><button type="submit" className="second">{w.look}</button></div>
      </form>
    </>
  );
}

/** What was said last stands where the buttons were, and takes the focus, since they may be gone. */
function Said({ text, at }: { text: string | undefined; at: number }): ReactNode {
  const told = useRef<HTMLParagraphElement>(null);
  useEffect(() => { if (text) told.current?.focus(); }, [text, at]);
  return <p role="status" ref={told} tabIndex={-1}>{text}</p>;
}

const refusal = (error: unknown): string => refusalText(error, w.problems, stateText);

function Ask({ of }: { of: Of }): ReactNode {
  const queries = useQueryClient();
  const { keyOf, end } = useKeys();
  const { account } = of.account;
  const ask = useMutation({
    mutationFn: (body: Body) => client.postWalletOfficeAccountsAccountClosing({ params: { account }, body }, { key: keyOf(JSON.stringify(body)) }),
    onError: (error) => { if (error instanceof Refused) end(); },
    onSettled: () => Promise.all([queries.invalidateQueries({ queryKey: ['closing', account] }), queries.invalidateQueries({ queryKey: ['closings'] })]),
  });
  const lost = !of.into.length && of.rest.amount === of.interest.amount && of.rest.amount !== '0';
  const stuck = !of.into.length && of.rest.amount !== of.interest.amount;
  if (of.stands || stuck) return <p>{of.stands ? w.stands[of.stands] : fill(w.noOther, { amount: amount(of.rest), currency: of.account.currency })}</p>;
  return (
    <>
      <p className="quiet">{w.four}</p>
      {lost && <p>{fill(w.lost, { amount: amount(of.interest) })}</p>}
      <form className="filters" onSubmit={(event) => {
        event.preventDefault();
        const value = (name: string): string | undefined => (event.currentTarget.elements.namedItem(name) as HTMLSelectElement | null)?.value;
        const into = value('into') as Body['into'];
        ask.mutate({ reason: value('reason') as Body['reason'], ...(into ? { into } : {}), ...(lost ? { letGo: true } : {}) });
      }}>
        <div>
          <label htmlFor="reason">{w.reason}</label>
          <select id="reason" name="reason" required defaultValue="">
            <option value="" disabled>{words.none}</option>
            {Object.entries(w.reasons).map(([code, text]) => <option key={code} value={code}>{text}</option>)}
          </select>
        </div>
        {of.into.length > 0 && (
          <div>
            <label htmlFor="into">{w.into}</label>
            <select id="into" name="into">{of.into.map((a) => <option key={a.account} value={a.account}>{nameOf(a)}</option>)}</select>
          </div>
        )}
        <div className="filter-actions"><button type="submit" className="main" disabled={ask.isPending}>{w.go}</button></div>
      </form>
      <Said text={ask.error ? refusal(ask.error) : undefined} at={ask.submittedAt} />
    </>
  );
}

function Decide({ closing, of, me }: { closing: Closing; of: Of; me: string }): ReactNode {
  const queries = useQueryClient();
  const { keyOf, end } = useKeys();
  const decide = useMutation({
    mutationFn: (verdict: Verdict) =>
      client.postWalletOfficeClosingsClosingDecision({ params: { closing: closing.closing }, body: { verdict } }, { key: keyOf(verdict) }),
    onError: (error) => { if (error instanceof Refused) end(); },
    onSettled: () => Promise.all([queries.invalidateQueries({ queryKey: ['closing', closing.account] }), queries.invalidateQueries({ queryKey: ['closings'] })]),
  });
  const mine = isMe(me, closing.askedBy);
  const into = of.into.find((a) => a.account === closing.into);
  return (
    <>
      <Facts rows={[
        [w.reason, w.reasons[closing.reason]], [w.asked, <When key="asked" at={closing.askedAt} />],
        [w.askedBy, mine ? w.you : <Id key="by" id={closing.askedBy} />],
        ...(closing.into === null ? [] : [[w.into, into ? nameOf(into) : <Id key="into" id={closing.into} />] as const]),
      ]} />
      {closing.letGo && of.interest.amount !== '0' && <p>{fill(w.lost, { amount: amount(of.interest) })}</p>}
      {of.stands && <p>{w.stands[of.stands]}</p>}
      <p>{mine ? w.mine : w.second}</p>
      <div className="actions">
        {!mine && <button type="button" className="main" disabled={decide.isPending} onClick={() => decide.mutate('approve')}>{w.approve}</button>}
        <button type="button" className="second" disabled={decide.isPending} onClick={() => decide.mutate('refuse')}>{mine ? w.takeBack : w.refuse}</button>
      </div>
      <Said text={decide.error ? refusal(decide.error) : undefined} at={decide.submittedAt} />
    </>
  );
}

function Shown({ of }: { of: Of }): ReactNode {
  const me = useMe();
  const { account: a } = of;
  const open = of.closings.find((c) => c.state === 'open');
  return (
    <>
      <Facts rows={[
        [w.state, w.accountStates[a.state]],
        ...(a.closedAt === null ? [] : [[a.closedBy === 'operator' ? w.closedByOffice : w.closedByHolder, <When key="closed" at={a.closedAt} />] as const]),
        [w.name, a.handle ?? words.none], [w.balance, amount(a.balance)],
        ...(a.state === 'closed' ? [] : [
          [w.rest, amount(of.rest)] as const, [w.interest, amount(of.interest)] as const, [w.requests, countText(of.requests)] as const,
          [w.schedules, countText(of.schedules)] as const,
        ]),
        [w.person, me.permissions.includes('audit:read') ? <FactLink key="person" as="subject" id={of.person} /> : <Id key="person" id={of.person} />],
      ]} />
      {a.state !== 'closed' && (
        <section>
          <h2>{open ? w.waits : w.ask}</h2>
          {open ? <Decide key={open.closing} closing={open} of={of} me={me.operator} /> : <Ask key={of.closings.length} of={of} />}
        </section>
      )}
      {of.closings.length > 0 && (
        <Table caption={w.history} empty={words.none} rows={of.closings} keyOf={(c) => c.closing} columns={[
          { name: w.asked, cell: (c) => <When at={c.askedAt} />, text: (c) => whenText(c.askedAt) }, { name: w.reason, cell: (c) => w.reasons[c.reason] },
          { name: w.state, cell: (c) => w.states[c.state] },
          { name: w.askedBy, cell: (c) => (isMe(me.operator, c.askedBy) ? w.you : <Id id={c.askedBy} />), text: (c) => c.askedBy },
          { name: w.decidedBy, cell: (c) => (c.decidedBy !== null && isMe(me.operator, c.decidedBy) ? w.you : <Id id={c.decidedBy} />),
            text: (c) => c.decidedBy ?? '' },
        ]} />
      )}
    </>
  );
}

/** One account and its closing. */
export function AccountToClose(): ReactNode {
  const { account = '' } = useParams({ strict: false });
  const shown = useQuery({
    queryKey: ['closing', account], queryFn: ({ signal }) => client.getWalletOfficeAccountsAccountClosing({ params: { account } }, { signal }),
    // A second look would be a second fact.
    staleTime: Number.POSITIVE_INFINITY, refetchOnWindowFocus: false, refetchOnReconnect: false,
  });
  const unknown = shown.error instanceof Refused && shown.error.problem.status !== 403 && shown.data === undefined;
  return (
    <Page title={fill(w.title, { id: shortId(account) })} asOf={shown.dataUpdatedAt || undefined}>
      <p><Link to="/kyc">{w.toList}</Link></p>
      {unknown ? <p>{w.unknown}</p> : <Answer query={shown}>{(value) => <Shown of={value} />}</Answer>}
    </Page>
  );
}
