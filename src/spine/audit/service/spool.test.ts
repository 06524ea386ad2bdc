import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { house, type House } from '#test';
import { provide, systemClock, type FactDraft } from '#kernel';
import { SpoolFolder } from '../port.ts';
import { createSpool, Spool } from './spool.ts';

let h: House;
const folder = mkdtempSync(join(tmpdir(), 'exchequer-spool-'));
/** Where the house's own spool lies: each cell has a folder. */
const replayed = join(folder, 'replayed');
beforeAll(async () => {
  h = await house({ provided: () => [provide(SpoolFolder, () => replayed)] });
});
afterEach(() => vi.restoreAllMocks());
afterAll(async () => {
  await h.stop();
  rmSync(folder, { recursive: true });
});

const fact = (resource: string): FactDraft => ({ action: 'probe.fact', result: 'done', resource });
const append = (spool: Spool, resource: string): Promise<boolean> => spool.append({
  tenant: h.tenant(), actor: { kind: 'nobody' }, trace: 'd'.repeat(32), atMs: systemClock.monotonicMs(), now: systemClock.now(), use: h.cell().use,
}, fact(resource));
const files = (at: string): string[] => readdirSync(at).filter((f) => f.endsWith('.spool')).toSorted();
const linesOf = (path: string): number => readFileSync(path, 'utf8').split('\n').length - 1;
/** The facts that stand, once as many do, in the order of their coming. */
async function facts(count: number, pattern: string): Promise<string[]> {
  let rows: Record<string, unknown>[] = [];
  for (let i = 0; i < 500 && rows.length < count; i++) {
    await systemClock.sleep(20);
    rows = await h.sql('IN', 'superuser')('select resource from audit.fact where resource like $1 order by resource', [pattern]);
  }
  return rows.map((row) => String(row.resource));
}

/** What every open file's functions are called on. */
async function handles(): Promise<FileHandle> {
  const any = await open(join(folder, 'any'), 'w');
  await any.close();
  return Object.getPrototypeOf(any) as FileHandle;
}
/** A disk that takes a part of what is written next, and then no more. */
async function fullWithin(share: number): Promise<void> {
  const real = (await handles()).appendFile;
  vi.spyOn(await handles(), 'appendFile').mockImplementationOnce(async function half(this: FileHandle, text) {
    const bytes = text as Buffer;
    await real.call(this, bytes.subarray(0, Math.ceil(bytes.length * share)));
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  });
}

describe('views that are kept on the local disk', () => {
  it('are lost by no disk that is full for a while: who is told no has no fact, and who is told yes has one, before and after', async () => {
    const spool = h.cell().use(Spool);
    expect(await append(spool, 'full 1')).toBe(true);
    await fullWithin(0.7);
    // The first is written in part, the others wait behind it.
    expect(await Promise.all(['full 2', 'full 3', 'full 4'].map((each) => append(spool, each)))).toEqual([false, false, false]);
    expect(await Promise.all(['full 5', 'full 6'].map((each) => append(spool, each)))).toEqual([true, true]);
    expect(await facts(3, 'full %')).toEqual(['full 1', 'full 5', 'full 6']);
    await systemClock.sleep(1500);
    expect(await facts(3, 'full %')).toEqual(['full 1', 'full 5', 'full 6']);
  });

  it('are not taken for whole while their file grows', async () => {
    const at = join(folder, 'growing');
    const spool = createSpool(at, systemClock);
    expect(await append(spool, 'grown 1')).toBe(true);
    const real = (await handles()).sync;
    vi.spyOn(await handles(), 'sync').mockImplementationOnce(async function slow(this: FileHandle) {
      await systemClock.sleep(100);
      await real.call(this);
    });
    const under = append(spool, 'grown 1, slowly');
    await systemClock.sleep(10);
    const taken = spool.rotate();
    const mine = append(spool, 'grown 2');
    const [first] = files(at);
    expect(await taken).toEqual([join(at, first as string)]);
    expect(await under).toBe(true);
    expect(await mine).toBe(true);
    expect(await spool.rotate()).toEqual(files(at).map((f) => join(at, f)));
    expect(files(at).map((f) => linesOf(join(at, f)))).toEqual([2, 1]);
  });

  it('have what was under way written before their file is handed over', async () => {
    const at = join(folder, 'under-way');
    const spool = createSpool(at, systemClock);
    expect(await append(spool, 'way 0')).toBe(true);
    const under = ['way 1', 'way 2'].map((each) => append(spool, each));
    await Promise.resolve();
    await spool.rotate();
    const kept = (await Promise.all(under)).filter(Boolean).length;
    expect(files(at).reduce((sum, f) => sum + linesOf(join(at, f)), 0)).toBe(1 + kept);
  });

  it('are held up by no file that somebody changed: it stays, and those behind it come', async () => {
    const spool = h.cell().use(Spool);
    const at = join(replayed, h.cell().name);
    const changed = '00000000-0000-7000-8000-000000000000.spool';
    writeFileSync(join(at, changed), `${h.tenant().id} ENC:v1:x:y 0\n`);
    expect(await append(spool, 'behind 1')).toBe(true);
    expect(await facts(1, 'behind %')).toEqual(['behind 1']);
    expect(files(at)).toContain(changed);
    rmSync(join(at, changed));
  });
});
