import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock, transact } from '#kernel';
import { Chore, house, ItemChanged, probe, sectionOf, type House } from '#test';

const LEASE_AND_MS = 12_000;
let h: House;
const processes = new Map<string, ChildProcess>();
beforeAll(async () => { h = await house({ add: [probe()], serve: ['IN'], limits: false }); });
afterAll(async () => {
  await Promise.all([...processes.values()].map((p) => new Promise<void>((done) => {
    if (p.exitCode !== null || p.signalCode !== null) return done();
    p.once('exit', () => done());
    p.stdin?.end();
  })));
  await h.stop();
});
const su = <R extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<R[]> => h.sql('IN', 'superuser')<R>(text, values);

async function start(name: string, role: string): Promise<void> {
  const script = fileURLToPath(new URL('./roles.serve.ts', import.meta.url)), hook = fileURLToPath(new URL('../../bin/tsx-hook.mjs', import.meta.url));
  const what = { folder: h.folder, cell: h.connections.find((c) => c.name === 'IN'), roles: [role], name };
  const child = spawn(process.execPath, ['--import', hook, script, JSON.stringify(what)], { stdio: ['pipe', 'pipe', 'inherit'] });
  processes.set(name, child);
  await new Promise<void>((done, fail) => {
    child.stdout.once('data', () => done());
    child.once('exit', (code) => fail(new Error(`${name} ended with ${code}`)));
  });
}
let serial = 0;
const work = (count: number): Promise<unknown> => transact(h.cell(), h.cell().pools.app, [sectionOf(h, 'india', async (tx) => {
  for (let i = 0; i < count; i++) {
    serial += 1;
    tx.emit({ actor: { kind: 'nobody' }, trace: '0'.repeat(32) }, ItemChanged, `key ${serial}`, { n: serial });
    tx.later({ actor: { kind: 'nobody' }, trace: '0'.repeat(32) }, Chore, { n: serial });
  }
})]);
const done = async (subscriber: string): Promise<{ n: number; names: string[] }> => {
  const rows = await su<{ event: string; n: bigint }>('select event, n from probe.effect where subscriber = $1', [subscriber]);
  expect(new Set(rows.map((r) => r.n)).size, `${subscriber}: an effect twice`).toBe(rows.length);
  return { n: rows.length, names: [...new Set(rows.map((r) => r.event))].toSorted((a, b) => (a < b ? -1 : 1)) };
};
async function until(there: () => Promise<boolean>, ms: number): Promise<number> {
  const began = systemClock.monotonicMs();
  while (!await there()) {
    if (systemClock.monotonicMs() - began > ms) throw new Error(`not within ${ms} ms`);
    await systemClock.sleep(25);
  }
  return systemClock.monotonicMs() - began;
}

it('two relays and two workers share the work; what a killed one held goes on within its lease and two seconds, each effect once', async () => {
  await Promise.all([start('relay 1', 'relay'), start('relay 2', 'relay'), start('worker 1', 'worker'), start('worker 2', 'worker')]);
  await until(async () => new Set((await su<{ owner: string | null }>("select owner from events.cursor where subscriber = 'roles'")).map((r) =>
    r.owner)).size === 2
    && !(await su("select 1 from events.cursor where subscriber = 'roles' and owner is null")).length, 15_000);
  await work(400);
  await until(async () => (await done('relay')).n === 400 && (await done('job')).n === 400, 20_000);
  expect((await done('relay')).names).toEqual(['relay 1', 'relay 2']);
  expect((await done('job')).names).toEqual(['worker 1', 'worker 2']);
  // Killed in the middle of their work.
  await work(400);
  await systemClock.sleep(60);
  for (const name of ['relay 1', 'worker 1']) processes.get(name)?.kill('SIGKILL');
  await work(100);
  const took = await Promise.all(['relay', 'job'].map((of) => until(async () => (await done(of)).n === 900, LEASE_AND_MS)));
  process.stdout.write(`taken over within ${took.map(Math.round).join(' ms by the relay, and ')} ms by the worker\n`);
  expect(await su("select 1 from events.cursor where subscriber = 'roles' and lease_until > clock_timestamp()")).toHaveLength(4);
}, 90_000);
