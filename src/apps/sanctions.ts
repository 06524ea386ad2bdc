import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { CsvError, parse } from 'csv-parse';
import { perform, systemClock, systemRandom, uuidv7, type Origin, type Uuid } from '#kernel';
import { endImport, importEntries, SANCTIONS_BATCH_MAX, screenHolders, type ListEntry } from '#products/wallet';
import type { TenantRecord } from '#spine/tenancy';
import { plainOf, UsageFault } from './args.ts';
import { operatorOrigin, reach, tenantOf } from './reach.ts';
import type { Cell } from './runtime.ts';

const USAGE = 'exchequer sanctions import <file.csv> [--tenant <slug>]: columns id, name, aliases (between semicolons), birth_date';
const FIELD_CHARS_MAX = 20_000;
const HOLDERS_AT_ONCE = 100;
const NONE = '0'.repeat(32) as Uuid;

/** Entries of a list as OpenSanctions publishes it ("targets.simple.csv"): of each the columns that are compared. Throws UsageFault where one is missing. */
async function* entriesOf(file: string): AsyncGenerator<ListEntry> {
  const rows = createReadStream(file).pipe(parse({ bom: true, columns: true, skip_empty_lines: true, max_record_size: FIELD_CHARS_MAX * 4 }));
  for await (const row of rows as AsyncIterable<Record<string, string | undefined>>) {
    const { id, name } = row;
    if (id === undefined || name === undefined || row.aliases === undefined || row.birth_date === undefined) throw new UsageFault(USAGE);
    if (!id || !name) continue;
    // Several birth dates mean that the list does not know which: then none is compared.
    const birthDate = /^\d{4}(?:-\d{2}(?:-\d{2})?)?$/.test(row.birth_date) ? row.birth_date : null;
    yield { id: id.slice(0, 200), name: name.slice(0, 500), aliases: row.aliases.split(';').map((a) => a.trim()).filter(Boolean), birthDate };
  }
}

/** Imports a whole list, which takes the place of the one before, and compares every holder with it. Until it has ended the old entries stay as well. */
export async function importSanctions(cell: Cell, tenant: TenantRecord, by: Origin, file: string): Promise<{ entries: number; gone: number }> {
  const list = uuidv7(systemClock.now(), systemRandom);
  let some: ListEntry[] = [];
  let entries = 0;
  const flush = async (): Promise<void> => {
    if (some.length) await perform(cell, tenant, by, (tx) => importEntries(tx, list, some));
    entries += some.length;
    some = [];
  };
  try {
    for await (const entry of entriesOf(file)) {
      some.push(entry);
      if (some.length >= SANCTIONS_BATCH_MAX) await flush();
    }
  } catch (error) {
    // What was read so far stands beside the old list, which nothing has taken away yet.
    throw error instanceof CsvError ? new UsageFault(`${file} is no CSV as it should be: ${error.code}`) : error;
  }
  await flush();
  // A file without entries is a mistake far more often than a list without people.
  if (!entries) throw new UsageFault(`${file} holds no entries; the list stays as it was`);
  const gone = await perform(cell, tenant, by, (tx) => endImport(tx, list, entries));
  for (let last: Uuid | undefined = NONE; last !== undefined;) {
    const after: Uuid = last;
    last = await perform(cell, tenant, by, (tx) => screenHolders(tx, after, HOLDERS_AT_ONCE));
  }
  return { entries, gone };
}

/** `exchequer sanctions import <file.csv> [--tenant <slug>]` */
export async function sanctions(args: readonly string[]): Promise<number> {
  const [what, file] = plainOf(args, ['--tenant', '--data']);
  if (what !== 'import' || !file) throw new UsageFault(USAGE);
  await stat(file).catch(() => { throw new UsageFault(`there is no file ${file}`); });
  return reach(args, async (reached) => {
    const { tenant, cell } = await tenantOf(reached, args);
    if (!tenant.products.includes('wallet')) throw new UsageFault(`${tenant.slug} has no wallets. ${USAGE}`);
    const { entries, gone } = await importSanctions(cell, tenant, operatorOrigin(['wallet:kyc']), file);
    process.stdout.write(`${entries} entries, ${gone} of the list before are gone; every holder was compared\n`);
    return 0;
  });
}
