import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditorRead, createLog, provide, systemClock, type Module } from '#kernel';
import { HeadKeeper } from '#spine/audit/port';
import { addMachine, disableMachine, ensureMachine, machines, signatureHeaders, type MachineKey } from '#spine/identity';
import { TextMessages } from '#spine/identity/port';
import { Kek } from '#spine/vault/port';
import { everyModule, findIn, house, probe, type Answer, type House } from '#test';
import { machine } from '../../src/apps/machine.ts';
import { startProgram, type Program } from '../../src/apps/program.ts';
import { reach } from '../../src/apps/reach.ts';
import type { Cell } from '../../src/apps/runtime.ts';
import { filesUnder } from '../house/canary.ts';
import { commandsIn, type Commands } from '../house/command.ts';
import { overHttp } from '../house/web.ts';

describe('exchequer machine', () => {
  let commands: Commands;
  beforeAll(async () => { commands = await commandsIn('machine'); }, 60_000);
  afterAll(() => commands.stop());
  const run = (...args: string[]): ReturnType<Commands['run']> => commands.run(machine, ...args);

  it('adds, lists and disables, and shows a key once', { timeout: 120_000 }, async () => {
    const added = await run('add', 'india', 'authority', 'feed', '--permissions', 'taxrefund:feed, notify:receipts');
    expect(added.code, added.all).toBe(0);
    const [, id = '', secret = ''] = /key {5}(mac_[0-9a-f]{32})\nsecret {2}([A-Za-z0-9_-]{43})\n$/.exec(added.text) ?? [];
    expect(added.all.split(secret)).toHaveLength(2);

    const listed = await run('list', 'india');
    expect(listed.text).toBe(`active   ${id} authority feed  taxrefund:feed,notify:receipts\n`);
    expect((await run('list', 'us')).text).toBe('');
    for (const [args, why] of [
      [['add', 'india', 'authority feed', '--permissions', 'taxrefund:feed'], /^There is a machine of this name already/],
      [['add', 'india', 'another', '--permissions', 'taxrefund:everything'], /^There is no such permission.*taxrefund:feed/],
      [['add', 'india', `mac_${'0'.repeat(32)}`, '--permissions', 'taxrefund:feed'], /^A machine cannot have this name/],
      [['add', 'india', 'an\u001b[31m other', '--permissions', 'taxrefund:feed'], /^A machine cannot have this name/],
      [['disable', 'india', 'nobody'], /^There is no machine of this name or id/],
      [['disable', 'us', 'authority feed'], /^There is no machine of this name or id/],
      [['disable', 'us', id], /^There is no machine of this name or id/],
    ] as [string[], RegExp][]) {
      const no = await run(...args);
      expect([no.code, no.text], args.join(' ')).toEqual([1, expect.stringMatching(why) as string]);
      expect(no.all).not.toContain(secret);
    }
    expect((await run('disable', 'india', 'authority', 'feed')).code).toBe(0);
    expect((await run('disable', 'india', id)).code).toBe(0);
    expect((await run('list', 'india')).text).toBe(`disabled ${id} authority feed  taxrefund:feed,notify:receipts\n`);
    await expect(run('list', 'nowhere')).rejects.toThrow(/the tenant must be one of/);
    for (const args of [['add', 'india', 'x'], ['add', 'india', '--permissions', 'taxrefund:feed'], ['fly', 'india', 'x'], ['list'], ['list', 'india', 'x'],
      ['disable', 'india'], []]) await expect(run(...args), args.join(' ')).rejects.toThrow(/exchequer machine add/);

    await reach(['--data', commands.dataDir], async ({ cells, directory }) => {
      const india = directory.bySlug('india');
      if (!india) throw new Error('no tenant');
      const facts = await auditorRead(cells.get('IN') as Cell, india.id, (tx) =>
        tx.sql<{ action: string; result: string; resource: string | null }>`
          select action, result, resource from audit.entry where action like 'identity.machine%' order by seq`);
      expect(facts.map((f) => `${f.action.slice(16)} ${f.result} ${f.resource === id ? 'this' : String(f.resource)}`)).toEqual([
        '-added done this', 's-listed done null', ...Array.from({ length: 4 }, () => '-added refused null'), '-disabled refused null',
        '-disabled done this', '-disabled done this', 's-listed done null',
      ]);
      return 0;
    });
    // Tables and write-ahead log among the files: the key stands nowhere, the machine's name does.
    const files = filesUnder(commands.folder);
    expect(files.flatMap((f) => findIn(f.path, f.bytes, { secret }))).toEqual([]);
    expect(files.some((f) => findIn(f.path, f.bytes, { name: 'authority feed' }).length)).toBe(true);
  });
});

describe('a disabled machine', () => {
  const added: Module = probe();
  let h: House;
  let other: Program;
  beforeAll(async () => {
    h = await house({ add: [added], transport: 'http', limits: false, serve: ['IN'] });
    const cell = h.cell();
    // A second process of the same cell: pools, caches and a port of its own.
    other = await startProgram({
      modules: [...everyModule, added], cells: h.connections.filter((c) => c.name === 'IN'), home: 'IN', directoryFile: join(h.folder, 'second.json'),
      assets: { url: (n) => n, find: () => undefined }, clock: systemClock, log: createLog({ level: 'silent' }), roles: ['web'], host: '127.0.0.1', port: 0,
      secure: false, pathTenants: true, limits: false, sizes: { app: 4, batch: 2, spine: 4, auditor: 1 },
      provided: () => [provide(Kek, () => cell.use(Kek)), provide(HeadKeeper, () => cell.use(HeadKeeper)), provide(TextMessages, () => cell.use(TextMessages))],
    });
  });
  afterAll(async () => {
    await other.stop();
    await h.stop();
  });
  const ask = (port: number, key: MachineKey, path: `/${string}` = '/api/tax-refunds/feed', ndjson = '{}\n'): Promise<Answer> =>
    overHttp(port, { path, ndjson, headers: signatureHeaders(key, `POST ${path}`, ndjson, systemClock.now().getTime()) });
  const statuses = (key: MachineKey): Promise<number[]> => Promise.all([h.program.port, other.port].map(async (port) => (await ask(port, key)).status));

  it('is refused at its next request, in every process, and no other is', async () => {
    const made = await h.perform('india', (tx) => addMachine(tx, 'authority', ['taxrefund:feed']));
    const kept = await h.perform('india', (tx) => addMachine(tx, 'second authority', ['taxrefund:feed']));
    if (!made.ok || !kept.ok) throw new Error('no machine');
    // Both processes keep the keys in memory from here on.
    expect(await statuses(made.value)).toEqual([200, 200]);
    expect(await statuses(kept.value)).toEqual([200, 200]);
    expect((await h.perform('other', (tx) => disableMachine(tx, made.value.id))).ok).toBe(false);
    expect(await statuses(made.value)).toEqual([200, 200]);

    expect((await h.perform('india', (tx) => disableMachine(tx, 'authority'))).ok).toBe(true);
    for (let i = 0; i < 3; i++) {
      for (const port of [h.program.port, other.port]) {
        const answer = await ask(port, made.value);
        expect([answer.status, answer.json<{ type: string }>().type]).toEqual([401, '/problems/signed-out']);
      }
    }
    expect(await statuses(kept.value)).toEqual([200, 200]);
    expect((await h.perform('india', machines)).map((m) => [m.name, m.disabledAt !== null])).toEqual([['authority', true], ['second authority', false]]);
  });
  it('stops no other whose request comes at the same time', async () => {
    const [bad, good] = await Promise.all(['bad', 'good'].map((name) => h.perform('india', (tx) => ensureMachine(tx, name, ['taxrefund:feed']))));
    expect(await statuses(bad as MachineKey)).toEqual([200, 200]);
    await h.perform('india', (tx) => disableMachine(tx, 'bad'));
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => ask(h.program.port, (i % 2 ? good : bad) as MachineKey)));
    expect(answers.map((a) => a.status)).toEqual(Array.from({ length: 12 }, (_, i) => (i % 2 ? 200 : 401)));
  });
  it('has its key nowhere in clear', async () => {
    const made = await h.perform('india', (tx) => addMachine(tx, 'secretive', ['taxrefund:feed']));
    if (!made.ok) throw new Error('no machine');
    expect(await statuses(made.value)).toEqual([200, 200]);
    expect(await h.findSecrets({ secret: made.value.secret })).toEqual([]);
  });
});
