/**
 * 200,000 events of a season through `exchequer ingest`, run as its own process beside the serving program, into a table of a million
 * returns: each event is appended, audited with its hash, projected and told to subscribers. All of the work counts: the command, the
 * program with its sequencer and relay, and PostgreSQL. The command runs three times, each on 200,000 events of their own, in a fresh process.
 */
import { child, finish, FOREIGN_SHARE_MAX, measure, median } from './frame.ts';

interface Part { seconds: number; output: string; rss: number[]; commandUs: number; programUs: number }
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const server = await child('./ingest.serve.ts');
const setup = await server.ask<{ parts: number; rows: number; events: number }>({ what: 'setup' });
const each: { cpuUs: number; perSecond: number; rssMb: number; growth: number }[] = [];
for (let part = 1; part <= setup.parts; part++) {
  const m = await measure([server.pid], [], () => server.ask<Part>({ what: 'part' }));
  const { seconds, rss, output, commandUs, programUs } = m.result;
  // The first quarter fills caches and grows the heap; from there on memory has to stand still.
  const quarter = Math.max(...rss.slice(0, Math.ceil(rss.length / 4)));
  const growth = Math.max(...rss.slice(-Math.ceil(rss.length / 4))) / quarter;
  each.push({ cpuUs: m.cpuUs / setup.events, perSecond: setup.events / seconds, rssMb: Math.max(...rss), growth });
  say(`part ${part}: ${output}`);
  say(`        ${Math.round(setup.events / seconds)}/s, ${(m.cpuUs / setup.events).toFixed(0)} µs an event (command ${(commandUs / setup.events).toFixed(0)}, program `
    + `${(programUs / setup.events).toFixed(0)}), ${Math.max(...rss).toFixed(0)} MB`
    + `${m.foreign > FOREIGN_SHARE_MAX ? `, noisy: ${Math.round(m.foreign * 100)} % foreign` : ''}`);
}
await server.stop();
finish('ingest', {
  cpu_us: median(each.map((e) => e.cpuUs)), events_per_s: median(each.map((e) => e.perSecond)), rss_mb: Math.max(...each.map((e) => e.rssMb)),
  rss_growth: median(each.map((e) => e.growth)), rows: setup.rows,
}, { cpu_us: { max: 150 }, rss_mb: { max: 300 }, rss_growth: { max: 1.15 } }, {});
