/**
 * 200,000 events of a season through the code behind `exchequer ingest`, into a table of a million returns, in five parts of which
 * the first warmed up: each event is appended, audited with its hash, projected and told to subscribers. All of the work counts: the
 * program with its sequencer and relay, and PostgreSQL.
 */
import { child, finish, measure, median } from './frame.ts';

interface Part { counts: { lines: number; accepted: number; duplicates: number; quarantined: number }; seconds: number; rssMb: number; rssFirstMb: number }
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const server = await child('./ingest.serve.ts');
const setup = await server.ask<{ parts: number; rows: number }>({ what: 'setup' });
const each: { cpuUs: number; perSecond: number; rssMb: number }[] = [];
for (let part = 1; part <= setup.parts; part++) {
  const m = await measure([server.pid], [], () => server.ask<Part>({ what: 'part' }));
  const { counts, seconds, rssMb } = m.result;
  each.push({ cpuUs: m.cpuUs / counts.lines, perSecond: counts.lines / seconds, rssMb });
  say(`part ${part}: ${counts.lines} lines, ${counts.accepted} taken, ${counts.duplicates} known, ${counts.quarantined} set aside: ${Math.round(counts.lines / seconds)}/s, `
    + `${(m.cpuUs / counts.lines).toFixed(0)} µs a line, ${rssMb.toFixed(0)} MB, ${Math.round(m.foreign * 100)} % foreign`);
}
await server.stop();
const rss = each.map((e) => e.rssMb);
finish('ingest', {
  cpu_us: median(each.map((e) => e.cpuUs)), events_per_s: median(each.map((e) => e.perSecond)), rss_mb: Math.max(...rss), rss_growth: (rss.at(-1) as number) / (rss[0] as number), rows: setup.rows,
}, { cpu_us: { max: 150 }, rss_mb: { max: 300 }, rss_growth: { max: 1.15 } }, {});
