import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBreaker, createLog, NotSent, PARTY_BREAKER, testClock, Unavailable } from '#kernel';
import { objectsConform, startParty, startSim, type Sim } from '#test';
import { folderObjects, s3Objects, type S3Options } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'exchequer-objects-'));
let sim: Sim, faulty: Sim;
beforeAll(async () => { [sim, faulty] = await Promise.all([startSim('s3'), startSim('s3', ['--faults', '0.5', '--seed', 'objects'])]); });
afterAll(async () => {
  await Promise.all([sim.stop(), faulty.stop()]);
  rmSync(folder, { recursive: true, force: true });
});
const options = (more: Partial<S3Options> = {}, of = sim): S3Options =>
  ({ endpoint: of.base, bucket: 'objects', region: 'sim-1', accessKeyId: 'sim', secretAccessKey: of.token, ...more });

objectsConform('a folder', () => folderObjects(folder));
objectsConform('S3', () => s3Objects(options()));

it('a folder is its owner’s alone, and keeps no drafts', async () => {
  await folderObjects(folder).put('b/one/two', Buffer.from('x'));
  await folderObjects(folder).put('b/one/two', Buffer.from('y'));
  expect(readdirSync(join(folder, 'b/one'))).toEqual(['two']);
  expect([statSync(join(folder, 'b/one/two')).mode & 0o077, statSync(join(folder, 'b')).mode & 0o077]).toEqual([0, 0]);
});

describe('S3', () => {
  const key = (n: number): string => `${'b'.repeat(32)}/faults/${n}`;
  it('takes nothing that is not signed by its key, for its region', async () => {
    for (const wrong of [{ secretAccessKey: 'another' }, { region: 'sim-2' }, { accessKeyId: 'somebody' }]) {
      const store = s3Objects(options(wrong));
      await expect(store.put(key(1), Buffer.from('x')), JSON.stringify(wrong)).rejects.toThrow('refused to keep: 403');
      await expect(store.get(key(1))).rejects.toThrow('refused to give: 403');
      await expect(store.has(key(1))).rejects.toThrow('refused to say: 403');
      await expect(store.remove(key(1))).rejects.toThrow('refused to remove: 403');
    }
    await expect(s3Objects(options({ bucket: 'other' })).put(key(1), Buffer.from('x'))).rejects.toThrow('404');
    expect(await s3Objects(options()).get(key(1))).toBeUndefined();
  });
  it('that cannot be reached, is busy or breaks off is unavailable; asked again it ends well, and nothing is kept twice or in part', async () => {
    await expect(s3Objects(options({ endpoint: 'http://127.0.0.1:9' })).get(key(1))).rejects.toThrow(Unavailable);
    const store = s3Objects(options({}, faulty));
    let away = 0;
    const again = async <T>(work: () => Promise<T>): Promise<T> => {
      for (let i = 0; i < 100; i++) {
        try {
          return await work();
        } catch (error) {
          if (!(error instanceof Unavailable)) throw error;
          away += 1;
        }
      }
      throw new Error('it never ended');
    };
    for (let n = 0; n < 20; n++) {
      const bytes = Buffer.alloc(20_000, n);
      expect(['made', 'exists']).toContain(await again(() => store.put(key(n), bytes)));
      expect((await again(() => store.get(key(n))))?.equals(bytes)).toBe(true);
      expect(await again(() => store.has(key(n)))).toBe(true);
      await again(() => store.remove(key(n)));
      expect(await again(() => store.get(key(n)))).toBeUndefined();
    }
    expect(away).toBeGreaterThan(10);
  });
  it('that failed five times in a row is left alone for half a minute; what it refuses, or asks to wait for, is no failure', async () => {
    const party = await startParty();
    const clock = testClock(new Date(0));
    const breaker = createBreaker({ party: 'objects', clock, log: createLog({ level: 'silent' }) });
    const store = s3Objects(options({ endpoint: party.base, breaker, answerMsMax: 200 }));
    for (const status of [403, 409, 429, 404]) {
      party.answer = () => ({ status });
      for (let i = 0; i < PARTY_BREAKER.after; i++) await expect(store.put(key(1), Buffer.from('x'))).rejects.not.toThrow(NotSent);
    }
    expect(breaker.state()).toBe('closed');
    party.heard.length = 0;
    for (const answering of ['cut', 'hang', { status: 503 }, { status: 500 }, 'cut'] as const) {
      party.answer = () => answering;
      await expect(store.get(key(1))).rejects.toThrow(Unavailable);
    }
    party.answer = () => ({ status: 200, body: 'there' });
    for (const work of [() => store.get(key(1)), () => store.has(key(1)), () => store.remove(key(1)), () => store.put(key(1), Buffer.from('x'))]) {
      await expect(work()).rejects.toThrow(NotSent);
    }
    expect([breaker.state(), party.heard.length]).toEqual(['open', PARTY_BREAKER.after]);
    clock.advance(PARTY_BREAKER.msMin);
    expect((await store.get(key(1)))?.toString()).toBe('"there"');
    expect([breaker.state(), party.heard.length]).toEqual(['closed', PARTY_BREAKER.after + 1]);
    await party.stop();
  });
});
