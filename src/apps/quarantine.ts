import { writeFile } from 'node:fs/promises';
import { csvRow, isUuid, perform, type Origin } from '#kernel';
import { quarantineList, quarantineReplay, quarantineShow } from '#products/taxrefund';
import type { TenantRecord } from '#spine/tenancy';
import { numberOf, plainOf, UsageFault } from './args.ts';
import { operatorOrigin, reach, tenantOf } from './reach.ts';
import type { Cell } from './runtime.ts';

const USAGE = 'exchequer quarantine list | show <id> | replay <id> | replay --all | export <file.csv>   [--tenant <slug>]';
const out = (text: string): void => void process.stdout.write(`${text}\n`);

const LINES_MAX = 10_000;

/** Writes the open lines into a CSV file for a spreadsheet; each line that leaves is an audited look. Resolves to how many. */
export async function exportQuarantine(cell: Cell, tenant: TenantRecord, by: Origin, file: string): Promise<number> {
  const rows = [csvRow(['id', 'at', 'reason', 'feed', 'line', 'text'])];
  for (const { id } of await perform(cell, tenant, by, (tx) => quarantineList(tx, LINES_MAX))) {
    const q = await perform(cell, tenant, by, (tx) => quarantineShow(tx, id as never));
    if (q) rows.push(csvRow([q.id, q.at.toISOString(), q.reason, q.feed, String(q.lineNo), q.text]));
  }
  // Never over a file that is there; and only its owner reads it, since the lines hold what the authority sent.
  await writeFile(file, `\ufeff${rows.join('')}`, { mode: 0o600, flag: 'wx' });
  return rows.length - 1;
}

/** Lines of the feed that wait for a person. Every look at a line is audited. */
export async function quarantine(args: readonly string[]): Promise<number> {
  const [what, id] = plainOf(args, ['--tenant', '--data', '--limit']);
  if (!what || !['list', 'show', 'replay', 'export'].includes(what)) throw new UsageFault(USAGE);
  if ((what === 'show' || (what === 'replay' && !args.includes('--all'))) && !(id && isUuid(id))) throw new UsageFault(USAGE);
  if (what === 'export' && !id) throw new UsageFault(USAGE);
  return reach(args, async (reached) => {
    const { tenant, cell } = await tenantOf(reached, args);
    const by = operatorOrigin(['taxrefund:quarantine']);
    const list = (limit: number): ReturnType<typeof quarantineList> => perform(cell, tenant, by, (tx) => quarantineList(tx, limit));
    if (what === 'list') {
      const lines = await list(numberOf(args, '--limit', 100, LINES_MAX));
      for (const q of lines) out(`${q.id}  ${q.at.toISOString()}  ${q.reason.padEnd(15)} line ${q.lineNo} of ${q.feed}`);
      out(lines.length ? `${lines.length} open` : 'nothing is open');
      return 0;
    }
    if (what === 'export') {
      out(`${await exportQuarantine(cell, tenant, by, id as string)} lines in ${id as string}`);
      return 0;
    }
    if (what === 'show') {
      const shown = await perform(cell, tenant, by, (tx) => quarantineShow(tx, id as never));
      out(shown ? `${shown.state}, ${shown.reason}, line ${shown.lineNo} of ${shown.feed}\n${shown.text}` : 'there is no such line');
      return shown ? 0 : 1;
    }
    const ids = args.includes('--all') ? (await list(LINES_MAX)).map((q) => q.id) : [id as string];
    let failed = 0;
    for (const one of ids) {
      const result = await perform(cell, tenant, by, (tx) => quarantineReplay(tx, one as never));
      if (!result || result.reason) failed += 1;
      out(`${one}  ${result === undefined ? 'is not open' : result.reason ? `set aside again: ${result.reason}` : 'taken'}`);
    }
    return failed ? 1 : 0;
  });
}
