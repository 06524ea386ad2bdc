import type { KeyboardEvent, ReactNode } from 'react';
import { words } from './client.ts';

export interface Column<T> { readonly name: string; readonly cell: (row: T) => ReactNode; /** What is saved; the cell's own text unless said. */
  readonly text?: (row: T) => string; readonly number?: boolean }

const quoted = (text: string): string => {
  // A cell that begins like a formula would be run by a spreadsheet.
  const safe = /^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? `'${text}` : text;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

function save<T>(caption: string, columns: readonly Column<T>[], rows: readonly T[]): void {
  const lines = [columns.map((c) => quoted(c.name)), ...rows.map((row) => columns.map((c) => {
    const cell = c.text ? c.text(row) : c.cell(row);
    return quoted(typeof cell === 'string' || typeof cell === 'number' ? String(cell) : '');
  }))].map((cells) => cells.join(','));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([`\ufeff${lines.join('\r\n')}\r\n`], { type: 'text/csv' }));
  link.download = `${caption}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Up and down go from row to row, among the first links of the rows. */
function walk(event: KeyboardEvent<HTMLTableElement>): void {
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>('tbody tr')].flatMap((row) => row.querySelector<HTMLElement>('a') ?? []);
  const at = links.findIndex((link) => link === document.activeElement || link.closest('tr') === document.activeElement?.closest('tr'));
  const next = links[at + step];
  if (!step || at < 0 || !next) return;
  event.preventDefault();
  next.focus();
}

/** A table that says so when it is empty, scrolls by itself where it is too wide, and can be saved as it is seen. */
export function Table<T>({ caption, columns, rows, keyOf, empty, foot }: { caption: string; columns: readonly Column<T>[]; rows: readonly T[];
  keyOf: (row: T) => string; empty: string; foot?: ReactNode }): ReactNode {
  if (!rows.length) return <section><h2>{caption}</h2><p className="quiet">{empty}</p></section>;
  return (
    <section>
      <div className="table-head">
        <h2>{caption}</h2>
        <button type="button" className="link" onClick={() => save(caption, columns, rows)}>{words.export}</button>
      </div>
      <div className="table-scroll" tabIndex={0} role="region" aria-label={caption}>
        <table className="grid" onKeyDown={walk}>
          <thead><tr>{columns.map((c) => <th key={c.name} scope="col" className={c.number ? 'number' : undefined}>{c.name}</th>)}</tr></thead>
          <tbody>{rows.map((row) => (
            <tr key={keyOf(row)}>{columns.map((c) => <td key={c.name} className={c.number ? 'number' : undefined}>{c.cell(row)}</td>)}</tr>
          ))}</tbody>
          {foot}
        </table>
      </div>
    </section>
  );
}

/** Rows of label and value. */
export const Facts = ({ rows }: { rows: readonly (readonly [string, ReactNode])[] }): ReactNode => (
  <dl className="facts">{rows.map(([label, value]) => <div key={label}><dt>{label}</dt><dd>{value}</dd></div>)}</dl>
);
