import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Raw } from './database.ts';

/** Spellings of one secret in which it must not be found: bytes that stay the same wherever the text stands. */
export function spellings(secret: string): { name: string; bytes: Buffer }[] {
  const forms = { 'UTF-8': Buffer.from(secret, 'utf8'), 'UTF-16LE': Buffer.from(secret, 'utf16le'), 'UTF-16BE': Buffer.from(secret, 'utf16le').swap16() };
  return Object.entries(forms).flatMap(([name, bytes]) => [
    { name, bytes },
    { name: `${name} in hex`, bytes: Buffer.from(bytes.toString('hex')) },
    { name: `${name} in HEX`, bytes: Buffer.from(bytes.toString('hex').toUpperCase()) },
    // In base64 the letters depend on where the text begins, so each of the three places is looked for without its edges.
    ...[0, 1, 2].flatMap((shift) => (['base64', 'base64url'] as const).map((encoding) => {
      const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString(encoding).replace(/=+$/, '');
      return { name: `${name} in ${encoding}`, bytes: Buffer.from(text.slice(shift === 0 ? 0 : shift + 1, -2)) };
    })),
  ]);
}

/** Where any spelling of any secret stands in these bytes. */
export const findIn = (where: string, bytes: Buffer, secrets: Readonly<Record<string, string>>): string[] =>
  Object.entries(secrets).flatMap(([what, secret]) => spellings(secret).filter((s) => bytes.includes(s.bytes)).map((s) => `${where}: ${what} as ${s.name}`));

/** Every row of every table as PostgreSQL writes it as text; bytea as hex. */
export async function dumpTables(sql: Raw): Promise<{ table: string; bytes: Buffer }[]> {
  const tables = await sql<{ name: string }>(`select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema') order by 1`);
  const dumps: { table: string; bytes: Buffer }[] = [];
  for (const { name } of tables) {
    const rows = await sql<{ line: string }>(`select t::text as line from ${name} t`);
    dumps.push({ table: name, bytes: Buffer.from(rows.map((r) => r.line).join('\n')) });
  }
  return dumps;
}

/** A file that the server has renamed or removed since the look stands under its new name, or nowhere. */
function bytesOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export function filesUnder(folder: string): { path: string; bytes: Buffer }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    const bytes = bytesOf(path);
    return bytes ? [{ path, bytes }] : [];
  });
}
