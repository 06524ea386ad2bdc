import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBreaker, createLog, NotSent, PARTY_BREAKER, systemRandom, testClock, Unavailable } from '#kernel';
import { kekConforms, startParty, startSim, type Sim } from '#test';
import { fileKek, transitKek } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'exchequer-kek-'));
let sim: Sim;
beforeAll(async () => { sim = await startSim('kms'); });
afterAll(async () => {
  await sim.stop();
  rmSync(folder, { recursive: true, force: true });
});
const transit = (to: Sim = sim, more: Partial<{ token: string; base: string }> = {}): ReturnType<typeof transitKek> =>
  transitKek({ base: `${to.base}/v1/transit`, key: 'exchequer', token: to.token, ...more });
const tell = async (path: string, body: unknown): Promise<void> => {
  const answer = await fetch(`${sim.base}${path}`, { method: 'POST', headers: { 'x-vault-token': sim.token }, body: JSON.stringify(body) });
  expect(answer.status).toBe(204);
};

kekConforms('a file', () => fileKek(join(folder, 'kek')));
kekConforms('a key service (sim/kms)', async () => transit());

describe('a key file', () => {
  it('is made once by many at once, readable by its owner only', async () => {
    const inner = join(folder, 'many', 'kek');
    const made = await Promise.all(Array.from({ length: 8 }, () => fileKek(inner)));
    expect(new Set(made.map((k) => k.keyId)).size).toBe(1);
    expect(statSync(inner).mode & 0o077).toBe(0);
  });
  it('that holds no key is refused', async () => {
    mkdirSync(join(folder, 'broken'));
    writeFileSync(join(folder, 'broken', 'kek'), 'short');
    await expect(fileKek(join(folder, 'broken', 'kek'))).rejects.toThrow(/no key/);
  });
});

describe('a key service', () => {
  it('whose key was rotated still opens what the older version wrapped', async () => {
    const data = systemRandom.bytes(32);
    const before = await transit().wrap(data, 'rotated');
    await tell('/v1/transit/keys/exchequer/rotate', {});
    const after = await transit().wrap(data, 'rotated');
    expect([before, after].map((w) => w.split(':')[1])).toEqual(['v1', 'v2']);
    for (const wrapped of [before, after]) expect(await transit().unwrap(wrapped, 'rotated')).toEqual(data);
  });
  it('that is sealed or away is Unavailable, so that nothing is taken for refused; a wrong token is an error at once', async () => {
    const wrapped = await transit().wrap(systemRandom.bytes(32), 'away');
    await tell('/v1/sim/sealed', { sealed: true });
    await expect(transit().unwrap(wrapped, 'away')).rejects.toThrow(Unavailable);
    await tell('/v1/sim/sealed', { sealed: false });
    await expect(transit(sim, { base: 'http://127.0.0.1:1/v1/transit' }).unwrap(wrapped, 'away')).rejects.toThrow(Unavailable);
    const refused = transit(sim, { token: 'wrong' }).unwrap(wrapped, 'away');
    await expect(refused).rejects.toThrow('403');
    await expect(refused).rejects.not.toThrow(Unavailable);
  });
  it('that stayed away through all tries of five requests is left alone for half a minute', async () => {
    const party = await startParty(() => ({ status: 503 }));
    const clock = testClock(new Date(0));
    const breaker = createBreaker({ party: 'keys', clock, log: createLog({ level: 'silent' }) });
    const kek = transitKek({ base: `${party.base}/v1/transit`, key: 'exchequer', token: 'x', breaker });
    const unwrap = (): Promise<Buffer> => kek.unwrap('vault:v1:x', 'away');
    const all = await Promise.allSettled(Array.from({ length: PARTY_BREAKER.after }, unwrap));
    expect(all.map((a) => a.status === 'rejected' && a.reason instanceof Unavailable && !(a.reason instanceof NotSent))).toEqual(all.map(() => true));
    const TRIES = 4;
    expect([breaker.state(), party.heard.length]).toEqual(['open', PARTY_BREAKER.after * TRIES]);
    party.answer = () => ({ status: 200, body: { data: { plaintext: Buffer.from('key').toString('base64') } } });
    await expect(unwrap()).rejects.toThrow(NotSent);
    expect(party.heard).toHaveLength(PARTY_BREAKER.after * TRIES);
    clock.advance(PARTY_BREAKER.msMin);
    expect((await unwrap()).toString()).toBe('key');
    party.answer = () => ({ status: 403 });
    for (let i = 0; i < PARTY_BREAKER.after; i++) await expect(unwrap()).rejects.toThrow('403');
    expect(breaker.state()).toBe('closed');
    await party.stop();
  });
  it('that fails now and then is asked again, and its keys outlive its process', { timeout: 60_000 }, async () => {
    const store = join(folder, 'service-keys.json');
    const args = ['--store', store, '--faults', '0.25', '--seed', 'b'];
    let shaky = await startSim('kms', args);
    const keys = Array.from({ length: 12 }, () => systemRandom.bytes(32));
    const wrapped: string[] = [];
    for (const key of keys) wrapped.push(await transit(shaky).wrap(key, 'shaky'));
    await shaky.stop();
    shaky = await startSim('kms', ['--store', store]);
    for (const [i, key] of keys.entries()) expect(await transit(shaky).unwrap(wrapped[i] as string, 'shaky')).toEqual(key);
    await shaky.stop();
  });
});
