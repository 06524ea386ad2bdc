import { joinedJson } from './arrays.ts';
import type { SqlTag } from './sql.ts';

/** How a column travels; `json` is a text column that holds JSON or null. */
export type ColumnType = 'uuid' | 'text' | 'json' | 'smallint' | 'int' | 'bigint' | 'date' | 'timestamptz' | 'boolean' | 'bytea';
type Single = string | number | bigint | boolean | Date | Buffer | null;
/** A value for each row, or one for all of them. */
export type ColumnValues = readonly unknown[] | Single;

/** Statements of one table; each is prepared once a connection, so callers must not make them without end. */
const SHAPES_MAX = 24;

function varies(values: ColumnValues): values is readonly unknown[] {
  if (!Array.isArray(values)) return false;
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return true;
  return false;
}

/** An array is written by the statement, as its cast says; texts of JSON are joined here. */
const parameter = (type: ColumnType, values: readonly unknown[]): string | readonly unknown[] =>
  (type === 'json' ? joinedJson(values as (string | null)[]) : values);

/** The text of one shape, as a template whose values are those of the columns that are the same in all rows, then those of the others. */
function template(table: string, columns: readonly (readonly [string, ColumnType])[], isArray: readonly boolean[], conflict: string): TemplateStringsArray {
  const gap = '\u0000';
  const names = columns.map(([name]) => `"${name}"`);
  const picked = columns.map(([name, type], i) => (isArray[i] ? `r."${name}"` : `${gap}::${type === 'json' ? 'text' : type}`));
  const many = columns.filter((_, i) => isArray[i]);
  const arrays = many.map(([, type]) => (type === 'json' ? `string_to_array(${gap}, chr(30), '')` : `${gap}::${type}[]`));
  const from = many.length ? ` from unnest(${arrays.join(', ')}) r (${many.map(([name]) => `"${name}"`).join(', ')})` : '';
  const parts = `insert into ${table} (${names.join(', ')}) select ${picked.join(', ')}${from}${conflict && ` on conflict ${conflict}`}`.split(gap);
  return Object.assign(parts, { raw: parts });
}

/**
 * Writes rows of a table in one statement. A column that is the same in all of them is sent once: to take an array apart costs the
 * server a third of a microsecond a value, which is most of what a narrow row costs it. `conflict` is what follows `on conflict`.
 */
export function inserter<C extends string>(table: string, types: Readonly<Record<C, ColumnType>>, conflict = ''):
  (sql: SqlTag, rows: Readonly<Record<C, ColumnValues>>) => Promise<unknown[]> {
  const columns = Object.entries(types) as [C, ColumnType][];
  const shapes = new Map<string, TemplateStringsArray>();
  const single = template(table, columns, columns.map(() => false), conflict);
  const first = (values: ColumnValues): unknown => (Array.isArray(values) ? (values as readonly unknown[])[0] : values);
  const isOne = (rows: Readonly<Record<C, ColumnValues>>): boolean => columns.every(([name]) => !Array.isArray(rows[name]) || rows[name].length === 1);
  return (sql, rows) => {
    // Most transactions write one row of a kind.
    if (isOne(rows)) return sql(single, ...columns.map(([name]) => first(rows[name])));
    const arrays = columns.map(([name]) => Array.isArray(rows[name]));
    let isArray = columns.map(([name]) => varies(rows[name]));
    const count = columns.reduce((n, [name], i) => (arrays[i] ? (rows[name] as readonly unknown[]).length : n), 1);
    if (count === 0) return Promise.resolve([]);
    // Rows that do not differ at all are as many as they are.
    if (count > 1 && !isArray.includes(true)) isArray = arrays;
    let shape = isArray.join();
    if (!shapes.has(shape) && shapes.size >= SHAPES_MAX) shape = (isArray = arrays).join();
    let strings = shapes.get(shape);
    if (!strings) shapes.set(shape, (strings = template(table, columns, isArray, conflict)));
    const one = columns.filter((_, i) => !isArray[i]).map(([name]) => first(rows[name]));
    const many = columns.filter((_, i) => isArray[i]).map(([name, type]) => parameter(type, rows[name] as readonly unknown[]));
    return sql(strings, ...one, ...many);
  };
}
