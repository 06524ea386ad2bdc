/** The server of the sign-in bench; the provider of text messages is the bench itself, reached over HTTP. */
import { httpMessages } from '#adapters/sms';
import { perform, provide, systemClock } from '#kernel';
import { TextMessages } from '#spine/identity/port';
import { demoFeed, ingest } from '#products/taxrefund';
import { serveQuestions } from './frame.ts';
import { asSystem, benchTenants, startBench } from './program.ts';

const PEOPLE = 24_000;
const tenants = benchTenants(1);
const bench = await startBench({ tenants, provided: [provide(TextMessages, () => httpMessages({ base: process.argv[2] as string, token: 'bench' }))] });
const tenant = bench.program.directory.bySlug('t0');
const cell = bench.program.cells.get('IN');
if (!tenant || !cell) throw new Error('no tenant');
const template = demoFeed(tenant).people(systemClock.now())[0];
if (!template) throw new Error('no template');
const letters = (i: number): string => Array.from({ length: 4 }, (_, k) => String.fromCharCode(65 + (Math.floor(i / 26 ** k) % 26))).join('');
const people = Array.from({ length: PEOPLE }, (_, i) => ({
  ...template.taxpayer, identifier: `${letters(i).slice(0, 3)}P${letters(i).slice(3)}0000A`, phone: `+91 ${String(i).padStart(10, '0')}`,
}));
for (let at = 0; at < PEOPLE; at += 500) {
  await perform(cell, tenant, asSystem, (tx) => ingest(tx.section, tx, 'bench', people.slice(at, at + 500).map((p, k) => ({ no: k, text: JSON.stringify(p) }))));
}

serveQuestions(async () => {
  return { port: bench.program.port, people: people.map(({ identifier, dateOfBirth, phone }) => ({ identifier, dateOfBirth, phone })) };
}, async () => {
  await bench.stop();
});
