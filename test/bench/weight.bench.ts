/**
 * What a page weighs on the wire: HTML, stylesheets and scripts of every page and language, compressed by brotli as a proxy or our own
 * asset route sends them. Each must stay within its budget, and within 5 % of the committed figure (weight.json), so that no page
 * grows unseen. `--write` commits new figures after a growth that was meant. Bytes of a page do not depend on the machine.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { brandCss } from '#kit';
import { demoTenants } from '../../src/apps/tenants.ts';
import { allPages, builtAssets } from '../e2e/pages.ts';
import { finish, type Bar } from './frame.ts';

const SCRIPT_BYTES_MAX = 15_000;
const FIRST_VIEW_BYTES_MAX = 50_000;
/** What an operator's first view and each room after it bring along, brotli as the asset route sends it. */
const SHELL_BYTES_MAX = 120_000;
const ROOM_BYTES_MAX = 60_000;
const GROWTH_MAX = 1.05;
const BUDGETS = [
  ['bytes asset console shell', SHELL_BYTES_MAX], ['bytes asset console rooms', ROOM_BYTES_MAX], ['bytes script', SCRIPT_BYTES_MAX],
  ['bytes view', FIRST_VIEW_BYTES_MAX],
] as const;
/** A few bytes more are a word, not a growth. */
const GROWTH_FREE_BYTES = 64;

const file = fileURLToPath(new URL('weight.json', import.meta.url));
const known = JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>;
const assets = await builtAssets();
const brotli = (text: string): number => brotliCompressSync(text).length;
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

const figures: Record<string, number> = {};
let rawMax = 0;
for (const [name, bytes] of Object.entries(assets.sizes)) figures[`bytes asset ${name}`] = bytes;
// The heaviest state of a page stands for it.
// The console is no page of words: its shell and each of its rooms have budgets of their own.
const pages = allPages(assets).filter((p) => !p.page.startsWith('/console'));
for (const [key, states] of Map.groupBy(pages, (p) => `${p.tenant} ${p.page} ${p.language}`)) {
  const weighed = states.map((page) => {
    const named = (extension: string): number[] => [...page.html.matchAll(new RegExp(`/assets/([\\w-]+)-[0-9a-f]{12}\\.${extension}`, 'g'))]
      .map((found) => assets.sizes[`${found[1]}.${extension}`] ?? Number.NaN);
    const brand = brandCss(demoTenants.find((t) => t.slug === page.tenant)?.brand ?? {});
    const script = sum(named('js'));
    return { script, raw: Buffer.byteLength(page.html), view: brotli(page.html) + sum(named('css')) + (brand ? brotli(brand) : 0) + script };
  });
  rawMax = Math.max(rawMax, ...weighed.map((w) => w.raw));
  figures[`bytes view ${key}`] = Math.max(...weighed.map((w) => w.view));
  figures[`bytes script ${key}`] = Math.max(...weighed.map((w) => w.script));
}

if (process.argv.includes('--write')) {
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(Object.entries(figures).toSorted(([a], [b]) => (a < b ? -1 : 1))), null, 1)}\n`);
  process.stdout.write(`${Object.keys(figures).length} figures written to test/bench/weight.json\n`);
}
const bars: Record<string, Bar> = {};
const committed = process.argv.includes('--write') ? figures : known;
for (const [name, value] of Object.entries(figures)) {
  const before = committed[name];
  const grown = before === undefined ? -1 : Math.max(Math.floor(before * GROWTH_MAX), before + GROWTH_FREE_BYTES);
  const budget = BUDGETS.find(([prefix]) => name.startsWith(prefix))?.[1] ?? Number.MAX_SAFE_INTEGER;
  bars[name] = { max: before === 0 ? 0 : Math.min(grown, budget) };
  if (before === undefined) process.stdout.write(`${name}: ${value} bytes, not in weight.json yet (npm run bench -- weight --write)\n`);
  else if (value > (bars[name].max as number)) process.stdout.write(`${name}: ${value} bytes, was ${before}, budget ${budget}\n`);
}
for (const gone of Object.keys(committed).filter((name) => !(name in figures))) process.stdout.write(`${gone}: in weight.json and no longer a page\n`);

const worst = (prefix: string): number => Math.max(...Object.entries(figures).filter(([n]) => n.startsWith(prefix)).map(([, v]) => v));
const missed = Object.entries(bars).filter(([name, bar]) => (figures[name] as number) > (bar.max as number)).length;
finish('weight', {
  bytes_view_max: worst('bytes view'), bytes_html_uncompressed_max: rawMax, bytes_script_max: worst('bytes script'), bytes_console_shell: worst('bytes asset console shell'), bytes_console_room_max: worst('bytes asset console rooms'), bytes_css: figures['bytes asset kit.css'] ?? Number.NaN, pages: Object.keys(figures).length, pages_grown: missed,
}, { bytes_html_uncompressed_max: { max: FIRST_VIEW_BYTES_MAX }, bytes_view_max: { max: FIRST_VIEW_BYTES_MAX }, bytes_script_max: { max: SCRIPT_BYTES_MAX }, bytes_console_shell: { max: SHELL_BYTES_MAX }, bytes_console_room_max: { max: ROOM_BYTES_MAX }, pages_grown: { max: 0 } }, {});
