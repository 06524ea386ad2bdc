/** A process of the spine's part of the kill proof: relays, workers and sagas of the real program, which ends itself by SIGKILL at a named point. */
import { fileHeads } from '#adapters/heads';
import { fileKek } from '#adapters/kms';
import { memoryBank } from '#adapters/bank';
import { memoryMessages } from '#adapters/sms';
import { createLog, done, handle, handleMany, job, on, provide, refuse, systemClock, type Outcome, type StepInput, type StepValue, type Tx } from '#kernel';
import { BankRail } from '#products/wallet/port';
import { HeadKeeper, SpoolFolder } from '#spine/audit/port';
import { RelayProbe } from '#spine/events';
import { TextMessages } from '#spine/identity/port';
import { DeliverProbe, Reach } from '#platform/webhooks';
import { webhooksOver } from '#platform/webhooks/module';
import { begin, saga, SagaProbe } from '#spine/saga';
import { Kek } from '#spine/vault/port';
import { z } from 'zod';
import type { CellConnection } from '../../src/apps/migrate.ts';
import { modules } from '../../src/apps/modules.ts';
import { startProgram } from '../../src/apps/program.ts';
import { create } from '../../src/platform/webhooks/service/endpoints.ts';
import { Chore, ItemChanged, leave, probe, tooBig } from '../house/probe.ts';

const { folder, cell, killAt, tenantId, hook } = JSON.parse(process.argv[2] as string) as
  { folder: string; cell: CellConnection; killAt: string; tenantId: string; hook: string };
/** Dies the first time that the point is reached; a job's handler dies inside its transaction. */
const at = async (point: string): Promise<void> => { if (point === killAt) process.kill(process.pid, 'SIGKILL'); };
const Heap = job('prove.heap', { doc: 'A chore of the proof that is done in heaps.', data: { n: z.int() }, many: true });
const step = (name: string) => async (tx: Tx, input: StepInput): Promise<Outcome<StepValue>> => {
  await leave(tx, { subscriber: 'saga', event: name, key: input.key, n: 0 });
  return name === 'c' && Number(input.input.n) % 2 === 1 ? refuse(tooBig) : done({});
};
const proved = saga('prove.saga', { version: 1, doc: 'Three steps; every second one is taken back.', owner: 'proof', input: { n: z.int() }, deadlineMs: 3_600_000,
  steps: ['a', 'b', 'c'].map((name) => ({ name, doc: 'Leaves a row.', do: step(name), undo: step(`un-${name}`) })) });
const probing = probe({
  sagas: [proved],
  handlers: [
    handle(Chore, async (tx, data) => {
      await leave(tx, { subscriber: 'job', event: 'x', key: 'x', n: data.n });
      await at('job-effect-made');
    }),
    handleMany(Heap, async (tx, items) => {
      for (const i of items) await leave(tx, { subscriber: 'heap', event: 'x', key: 'x', n: i.input.n });
      await at('heap-effect-made');
    }),
  ],
  reactions: [on(ItemChanged, 'proof', async (tx, e) => void await leave(tx, { subscriber: 'relay', event: e.id, key: e.key, n: e.data.n }))],
});
const kek = await fileKek(`${folder}/keys/kek`);
const program = await startProgram({
  modules: [...modules.map((m) => (m.name === 'platform/webhooks' ? webhooksOver([ItemChanged]) : m)), probing], cells: [cell], home: cell.name, directoryFile: `${folder}/directory.json`, assets: { url: (n) => n, find: () => undefined },
  clock: systemClock, log: createLog({ level: 'silent' }), roles: ['relay', 'worker'], host: '127.0.0.1', port: 0, secure: false, pathTenants: true, limits: false,
  sizes: { app: 6, batch: 3, spine: 6, auditor: 1 },
  provided: () => [provide(Kek, () => kek), provide(HeadKeeper, () => fileHeads(`${folder}/heads`)), provide(SpoolFolder, () => `${folder}/spool-spine`),
    provide(TextMessages, () => memoryMessages()), provide(BankRail, () => memoryBank()), provide(SagaProbe, () => ({ at: (p) => at(`saga ${p}`) })),
    provide(RelayProbe, () => ({ at: (p) => at(`relay ${p}`) })), provide(DeliverProbe, () => ({ at: (p) => at(`hook ${p}`) })),
    provide(Reach, () => ({ loopback: true }))],
});
const [own, tenant] = [program.cells.get(cell.name), program.directory.byId(tenantId)];
if (!own || !tenant) throw new Error('no tenant');
const { transact, bind } = await import('#kernel');
let serial = 0;
/** One commit with an event, jobs and a saga of the same number: either all of it is to have its effects once, or none. */
async function write(base: number): Promise<void> {
  const n = base + (serial += 1);
  await transact(own as never, (own as NonNullable<typeof own>).pools.app, [{ tenant: tenant as never, run: async (section) => {
    const tx = bind(section, { actor: { kind: 'system', name: 'proof' }, trace: '0'.repeat(32) });
    await tx.sql`insert into probe.item (tenant, key, n) values (${tx.tenant.id}, ${`made ${n}`}, ${n})`;
    tx.emit(ItemChanged, `k${n % 7}`, { n });
    tx.later(Chore, { n }, { key: `k${n % 5}` });
    tx.later(Heap, { n });
    await begin(tx, proved, `s${n}`, { n });
  } }]);
}
// The first process makes the endpoint; who dies at a point that another endpoint of it would reach finds it there.
const { perform } = await import('#kernel');
const known = await perform(own as never, tenant as never, { actor: { kind: 'system', name: 'proof' }, trace: '0'.repeat(32) }, async (tx) => {
  if ((await tx.sql`select 1 from webhooks.endpoint`).length) return true;
  return (await create(tx, { body: { url: hook, description: 'proof', events: ['probe.*'], ordered: false, headers: {}, signature: 'v1', perMinute: null } })).ok;
});
if (!known) throw new Error('no endpoint');
process.stdout.write('{"ready":true}\n');
const base = Number(process.argv[3] ?? 0);
process.stdin.on('end', () => void program.stop().then(() => process.exit(0)));
process.stdin.resume();
for (let i = 0; i < 40; i++) {
  await write(base).catch(() => undefined);
  await systemClock.sleep(5);
}
