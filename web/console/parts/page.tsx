import type { UseQueryResult } from '@tanstack/react-query';
import { useEffect, useRef, type ReactNode } from 'react';
import { fill, Refused, words, type Purpose, type Search } from './client.ts';
import { useSearchText } from './search.ts';
import { whenText } from './time.tsx';

/** A room: its heading, how old what it shows is, and the rest. The heading takes the focus, so that a reader hears where it is. */
export function Page({ title, asOf, children }: { title: string; asOf?: string | number | undefined; children: ReactNode }): ReactNode {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} – ${words.title}`;
    heading.current?.focus();
  }, [title]);
  return (
    <>
      <header className="room-head">
        <h1 ref={heading} tabIndex={-1}>{title}</h1>
        {asOf !== undefined && <p className="as-of">{fill(words.asOf, { time: whenText(asOf) })}</p>}
      </header>
      {children}
    </>
  );
}

function Wrong({ error, again }: { error: unknown; again: () => void }): ReactNode {
  const text = error instanceof Refused ? fill(words.states.errorText, { title: error.problem.title, trace: error.problem.trace }) : words.states.away;
  return (
    <section className="notice failed" role="alert">
      <p className="notice-title"><strong>{words.states.error}</strong></p>
      <p>{text}</p>
      <p><button type="button" className="second" onClick={again}>{words.again}</button></p>
    </section>
  );
}

/** The question that stands before what is a person's own; the answer goes into the address and with the look. */
export function AskPurpose(): ReactNode {
  const [, change] = useSearchText();
  const w = words.purpose;
  return (
    <form className="card" onSubmit={(event) => {
      event.preventDefault();
      const { value } = event.currentTarget.elements.namedItem('purpose') as HTMLSelectElement;
      change({ purpose: value });
    }}>
      <h2 className="flat">{w.title}</h2>
      <p>{w.text}</p>
      <label htmlFor="purpose">{w.label}</label>
      <select id="purpose" name="purpose" required defaultValue="">
        <option value="" disabled>{words.none}</option>
        {Object.entries(w.codes).map(([code, text]) => <option key={code} value={code}>{text}</option>)}
      </select>
      <div className="actions"><button type="submit" className="main">{w.go}</button></div>
    </form>
  );
}
export const purposeOf = (search: Search): { readonly purpose?: Purpose } =>
  (search.purpose !== undefined && search.purpose in words.purpose.codes ? { purpose: search.purpose as Purpose } : {});

/** An answer in whichever state it is. */
export function Answer<T>({ query, children }: { query: UseQueryResult<T>; children: (value: T) => ReactNode }): ReactNode {
  if (query.error instanceof Refused && query.error.code === 'purpose-missing') return <AskPurpose />;
  if (query.data === undefined) {
    return query.error ? <Wrong error={query.error} again={() => void query.refetch()} /> : <p className="waiting-text" role="status">{words.loading}</p>;
  }
  return <>{query.error && <Wrong error={query.error} again={() => void query.refetch()} />}{children(query.data)}</>;
}
