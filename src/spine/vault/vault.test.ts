import { createHmac, createSecretKey, hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemRandom, uuid, type Random, type Uuid } from '#kernel';
import { house, type House } from '#test';
import { loadTenantKeys, makeSubjectKeys, SealBroken, subjectKeys, tenantKeys, keyIdOf } from './index.ts';
import { decrypt, encrypt, parseSealed, sealer, secretKey } from './rules.ts';
import { Kek } from './port.ts';

let h: House;
beforeAll(async () => { h = await house(); });
afterAll(() => h.stop());

interface Vectors<T> { readonly testGroups: readonly (T & { tests: readonly Record<string, string>[] })[] }
const vectors = <T>(name: string): Vectors<T> => JSON.parse(readFileSync(new URL(`../../../test/vectors/wycheproof/${name}_test.json`, import.meta.url),
  'utf8')) as Vectors<T>;
const hex = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'hex');

describe('the vectors of project Wycheproof', () => {
  it('AES-256-GCM with 96-bit nonces: what is valid opens, what is not does not', () => {
    let valid = 0, invalid = 0;
    for (const group of vectors<{ keySize: number; ivSize: number; tagSize: number }>('aes_gcm').testGroups) {
      if (group.keySize !== 256 || group.ivSize !== 96 || group.tagSize !== 128) continue;
      for (const t of group.tests) {
        const key = createSecretKey(hex(t.key));
        const body = Buffer.concat([hex(t.iv), hex(t.ct), hex(t.tag)]);
        const named = `case ${t.tcId}: ${t.comment}`;
        if (t.result === 'valid') {
          valid += 1;
          expect(decrypt(key, body, hex(t.aad)).equals(hex(t.msg)), named).toBe(true);
          const nonce = { bytes: () => hex(t.iv) } as unknown as Random;
          expect(encrypt(key, hex(t.msg), hex(t.aad), nonce).equals(body), named).toBe(true);
        } else {
          invalid += 1;
          expect(() => decrypt(key, body, hex(t.aad)), named).toThrow(SealBroken);
        }
      }
    }
    expect(valid).toBeGreaterThan(20);
    expect(invalid).toBeGreaterThan(20);
  });
  it('HKDF-SHA-256', () => {
    let checked = 0;
    for (const t of vectors('hkdf_sha256').testGroups.flatMap((g) => g.tests)) {
      const derive = (): Buffer => Buffer.from(hkdfSync('sha256', hex(t.ikm), hex(t.salt), hex(t.info), Number(t.size)));
      if (t.result === 'valid') expect(derive().equals(hex(t.okm)), `case ${t.tcId}`).toBe(true);
      else expect(derive, `case ${t.tcId}`).toThrow();
      checked += 1;
    }
    expect(checked).toBeGreaterThan(50);
  });
  it('HMAC-SHA-256', () => {
    let checked = 0;
    for (const group of vectors<{ tagSize: number }>('hmac_sha256').testGroups) {
      for (const t of group.tests) {
        const mac = createHmac('sha256', secretKey(hex(t.key))).update(hex(t.msg)).digest().subarray(0, group.tagSize / 8);
        expect(mac.equals(hex(t.tag)), `case ${t.tcId}`).toBe(t.result === 'valid');
        checked += 1;
      }
    }
    expect(checked).toBeGreaterThan(100);
  });
});

const A = 'a'.repeat(32), B = 'b'.repeat(32);
const key = secretKey(systemRandom.bytes(32));
const place = { table: 'x.person', column: 'profile', row: 'r1' };

describe('a sealed value', () => {
  const mine = sealer(A, () => 'k:1', new Map([['k:1', key]]));
  it('opens where it was sealed and nowhere else', () => {
    const sealed = mine.seal(place, 'Asha Verma');
    expect(mine.open(place, sealed)).toBe('Asha Verma');
    const elsewhere = [{ ...place, row: 'r2' }, { ...place, column: 'name' }, { ...place, table: 'y.person' },
      { table: 'x.personprofile', column: '', row: 'r1' }];
    for (const other of elsewhere) expect(() => mine.open(other, sealed), JSON.stringify(other)).toThrow(SealBroken);
    expect(() => sealer(B, () => 'k:1', new Map([['k:1', key]])).open(place, sealed)).toThrow(SealBroken);
  });
  it('has no two places with the same bytes', () => {
    const part = fc.string({ maxLength: 6, unit: fc.constantFrom('a', '|', ':', '1', '2') });
    fc.assert(fc.property(fc.tuple(part, part, part), fc.tuple(part, part, part), (p, q) => {
      const [from, to] = [p, q].map(([table, column, row]) => ({ table, column, row })) as [typeof place, typeof place];
      const open = (): string => mine.open(to, mine.seal(from, 'x'));
      if (p.join('\0') === q.join('\0')) expect(open()).toBe('x');
      else expect(open).toThrow(SealBroken);
    }));
  });
  it('opens under an old key, and under none that is unknown or bears another name', () => {
    const old = mine.seal(place, 'x');
    const now = sealer(A, () => 'k:2', new Map([['k:1', key], ['k:2', secretKey(systemRandom.bytes(32))]]));
    expect(now.open(place, old)).toBe('x');
    expect(keyIdOf(now.seal(place, 'x'))).toBe('k:2');
    expect(() => sealer(A, () => 'k:2', new Map([['k:2', key]])).open(place, old)).toThrow(/key/);
    expect(() => now.open(place, old.replace('ENC:v1:k:1:', 'ENC:v1:k:2:'))).toThrow(SealBroken);
    expect(() => sealer(A, () => 'k:2', new Map([['k:1', key], ['k:2', key]])).open(place, old.replace('k:1', 'k:2'))).toThrow(SealBroken);
  });
  it('keeps key ids that hold colons', () => {
    for (const id of ['a', 'arn:aws:kms:ap-south-1:1234:key/ab-cd', 'a:b:', ':', 'file:ab/cd', '::::']) {
      const s = sealer(A, () => id, new Map([[id, key]]));
      expect(keyIdOf(s.seal(place, 'x')), id).toBe(id);
      expect(s.open(place, s.seal(place, 'x'))).toBe('x');
    }
  });
  it('does not open with any one byte changed', () => {
    const sealed = mine.seal(place, 'some text');
    const { body } = parseSealed(sealed);
    for (let i = 0; i < body.length; i++) {
      const bad = Buffer.from(body);
      bad[i] = (bad[i] as number) ^ 1;
      expect(() => mine.open(place, `ENC:v1:k:1:${bad.toString('base64url')}`), `byte ${i}`).toThrow(SealBroken);
    }
    for (let cut = 1; cut < 12; cut++) expect(() => mine.open(place, sealed.slice(0, -cut))).toThrow(SealBroken);
  });
  it('is never plain text that looks like it', () => {
    const near = fc.stringMatching(/^(ENC|enc|ENC:)?:?v[01]?:?[a-z:]{0,6}:[A-Za-z0-9_=+/-]{0,60}$/);
    fc.assert(fc.property(fc.oneof(fc.string(), near, fc.string({ unit: 'binary' }), fc.string().map((s) => `ENC:v1:${s}`)), (text) => {
      expect(() => mine.open(place, text)).toThrow(SealBroken);
    }), { numRuns: 500 });
    for (const text of ['', 'ENC:v1::', 'ENC:v1:k', `ENC:v2:k:1:${'A'.repeat(60)}`, `ENC:v1:k:1:${'A'.repeat(60)}\n`, ` ENC:v1:k:1:${'A'.repeat(60)}`,
      `ENC:v1:${'k'.repeat(300)}:${'A'.repeat(60)}`]) {
      expect(() => mine.open(place, text), text).toThrow(SealBroken);
    }
  });
  it('carries any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => { expect(mine.open(place, mine.seal(place, text))).toBe(text); }));
  });
  it('never uses a nonce twice in 10⁵ seals', () => {
    const seen = new Set<string>();
    const empty = Buffer.alloc(0);
    for (let i = 0; i < 100_000; i++) seen.add(encrypt(key, empty, empty).toString('latin1', 0, 12));
    expect(seen.size).toBe(100_000);
  });
});

describe('keys of a tenant', () => {
  const keysOf = (slug: string): Promise<ReturnType<typeof tenantKeys>> => h.perform(slug, async (tx) => tenantKeys(tx));
  it('differ by tenant and by purpose', async () => {
    const [india, other] = [await keysOf('india'), await keysOf('other')];
    const sealed = india.seal(place, 'x');
    expect(() => other.open(place, sealed)).toThrow(SealBroken);
    expect(india.blind('a', 'v')).toEqual(india.blind('a', 'v'));
    for (const different of [india.blind('b', 'v'), india.blind('a', 'w'), other.blind('a', 'v'), india.mac('a', 'v')]) expect(
      different.equals(india.blind('a', 'v'))).toBe(false);
  });
  it('are the same in every process, also when two make them at once', async () => {
    await h.sql('IN', 'superuser')('delete from vault.tenant_key where tenant = $1', [h.tenant('other').id]);
    const processes = Array.from({ length: 4 }, () => h.anotherCell());
    await Promise.all(processes.map((cell) => loadTenantKeys(cell, h.tenant('other'))));
    const blinds = processes.map((cell) => tenantKeys({ use: cell.use, tenant: h.tenant('other') }).blind('a', 'v').toString('hex'));
    expect(new Set(blinds).size).toBe(1);
    expect(await h.sql('IN', 'superuser')('select 1 from vault.tenant_key where tenant = $1', [h.tenant('other').id])).toHaveLength(2);
  });
  it('lie in the database wrapped only', async () => {
    const rows = await h.sql('IN', 'superuser')<{ wrapped: string; key_id: string; tenant: string; purpose: string }>('select * from vault.tenant_key');
    const secrets: Record<string, string> = {};
    for (const row of rows) {
      const clear = await h.cell().use(Kek).unwrap(row.wrapped, `${uuid(row.tenant)} ${row.purpose}`);
      expect(clear).toHaveLength(32);
      Object.assign(secrets, { [`${row.key_id} hex`]: clear.toString('hex'), [`${row.key_id} base64`]: clear.toString('base64url') });
      // Bound to its tenant and purpose.
      await expect(h.cell().use(Kek).unwrap(row.wrapped, `${'0'.repeat(32)} ${row.purpose}`)).rejects.toThrow();
    }
    expect(await h.findSecrets(secrets)).toEqual([]);
  });
});

describe('the key of a person', () => {
  const fresh = (): Uuid => systemRandom.bytes(16).toString('hex') as Uuid;
  const count = async (subject: Uuid): Promise<number> =>
    (await h.sql('IN', 'superuser')('select 1 from vault.subject_key where subject = $1', [subject])).length;

  it('is made once, also by ten at once', async () => {
    const subject = fresh();
    const sealed = await Promise.all(Array.from({ length: 10 }, () => h.perform('india', async (tx) =>
      (await makeSubjectKeys(tx, [subject])).get(subject)?.seal(place, 'x') as string)));
    expect(await count(subject)).toBe(1);
    const opener = await h.perform('india', async (tx) => (await subjectKeys(tx, [subject], { cached: false })).get(subject));
    for (const s of sealed) expect(opener?.open(place, s)).toBe('x');
  });
  it('that was rolled back is known to nobody', async () => {
    const subject = fresh();
    await expect(h.perform('india', async (tx) => {
      await makeSubjectKeys(tx, [subject]);
      await subjectKeys(tx, [subject]);
      throw new Error('no');
    })).rejects.toThrow('no');
    expect(await count(subject)).toBe(0);
    expect((await h.perform('india', (tx) => subjectKeys(tx, [subject]))).has(subject)).toBe(false);
  });
  it('once destroyed leaves what it sealed unreadable', async () => {
    const subject = fresh();
    const sealed = await h.perform('india', async (tx) => (await makeSubjectKeys(tx, [subject])).get(subject)?.seal(place, 'x') as string);
    await h.sql('IN', 'superuser')('delete from vault.subject_key where subject = $1', [subject]);
    const found = await h.perform('india', (tx) => subjectKeys(tx, [subject], { cached: false }));
    expect(found.has(subject)).toBe(false);
    const again = await h.perform('india', async (tx) => (await makeSubjectKeys(tx, [subject])).get(subject));
    expect(() => again?.open(place, sealed)).toThrow(SealBroken);
  });
  it('belongs to its tenant', async () => {
    const subject = fresh();
    await h.perform('india', (tx) => makeSubjectKeys(tx, [subject]));
    expect((await h.perform('other', (tx) => subjectKeys(tx, [subject]))).size).toBe(0);
  });
});
