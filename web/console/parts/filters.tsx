import type { ReactNode } from 'react';
import { words, type Search } from './client.ts';
import { useSearchText } from './search.ts';
import { Views } from './views.tsx';

export interface Filter { readonly name: string; readonly label: string; readonly hint?: string; /** A choice of these; else what is typed. */
  readonly options?: Readonly<Record<string, string>>; /** What it means to choose none of them. */ readonly unset?: string; readonly type?: 'text' | 'date' | 'datetime-local' }

/** Filters that stand in the address: what is shown can be sent to a colleague as it is. */
export function Filters({ filters, keep = [], toSearch = (typed) => typed }: { filters: readonly Filter[]; keep?: readonly string[];
  toSearch?: (typed: Search) => Search }): ReactNode {
  const [search, change] = useSearchText();
  const cleared = Object.fromEntries(Object.keys(search).filter((name) => !keep.includes(name)).map((name) => [name, undefined]));
  return (
    <>
      <form className="filters" key={JSON.stringify(search)} onSubmit={(event) => {
        event.preventDefault();
        const typed = Object.fromEntries([...new FormData(event.currentTarget)].map(([name, value]) => [name, typeof value === 'string' ? value.trim() || undefined : undefined]));
        change({ ...cleared, ...toSearch(typed) });
      }}>
        {filters.map((f) => (
          <div key={f.name}>
            <label htmlFor={`f-${f.name}`}>{f.label}</label>
            {f.options
              ? <select id={`f-${f.name}`} name={f.name} defaultValue={search[f.name] ?? ''}>
                  <option value="">{f.unset ?? words.any}</option>
                  {Object.entries(f.options).map(([value, text]) => <option key={value} value={value}>{text}</option>)}
                </select>
              : <input id={`f-${f.name}`} name={f.name} type={f.type ?? 'text'} defaultValue={search[f.name] ?? ''} spellCheck={false} autoComplete="off"
                  step={f.type === 'datetime-local' ? 1 : undefined} aria-describedby={f.hint ? `h-${f.name}` : undefined} />}
            {f.hint && <p className="hint" id={`h-${f.name}`}>{f.hint}</p>}
          </div>
        ))}
        <div className="filter-actions">
          <button type="submit" className="main">{words.show}</button>
          <button type="button" className="link" onClick={() => change(cleared)}>{words.clear}</button>
        </div>
      </form>
      <Views />
    </>
  );
}

/** Leads on to the next page, and back to the first. */
export function Pages({ next, label }: { next: string | null; label: string }): ReactNode {
  const [search, change] = useSearchText();
  if (!next && !search.cursor) return null;
  return (
    <p className="pages">
      {search.cursor && <button type="button" className="link" onClick={() => change({ cursor: undefined })}>{words.first}</button>}
      {next && <button type="button" className="link" onClick={() => change({ cursor: next })}>{label}</button>}
    </p>
  );
}
