import { describe, expect, it } from 'vitest';
import { systemRandom } from '#kernel';
import type { Kek } from '#spine/vault/port';

/** What every key-encryption key must do, wherever it lives; `open` opens the same one again, as a restart does. */
export function kekConforms(name: string, open: () => Promise<Kek>): void {
  describe(`the key-encryption key in ${name}`, () => {
    it('unwraps what it wrapped, and is the same after a restart', async () => {
      const kek = await open();
      const data = systemRandom.bytes(32);
      const wrapped = await kek.wrap(data, 'tenant data');
      expect(await (await open()).unwrap(wrapped, 'tenant data')).toEqual(data);
      expect((await open()).keyId).toBe(kek.keyId);
      expect(kek.keyId).toMatch(/^.{4,200}$/);
    });
    it('wraps no key twice alike, and shows nothing of it', async () => {
      const kek = await open();
      const data = systemRandom.bytes(32);
      const [one, two] = await Promise.all([kek.wrap(data, 'tenant data'), kek.wrap(data, 'tenant data')]);
      expect(one).not.toBe(two);
      for (const spelled of ['base64', 'base64url', 'hex'] as const) expect(one).not.toContain(data.toString(spelled));
    });
    it('opens nothing in another context, and nothing that was changed', async () => {
      const kek = await open();
      const wrapped = await kek.wrap(systemRandom.bytes(32), 'tenant data');
      for (const context of ['tenant index', 'tenant dat', 'tenant data ', '']) await expect(kek.unwrap(wrapped, context), context).rejects.toThrow();
      const at = wrapped.length - 6;
      const flipped = `${wrapped.slice(0, at)}${wrapped[at] === 'A' ? 'B' : 'A'}${wrapped.slice(at + 1)}`;
      for (const bad of [flipped, wrapped.slice(0, -8), wrapped.slice(0, 12), '', 'nonsense']) await expect(kek.unwrap(bad, 'tenant data'), bad).rejects.toThrow();
    });
    it('answers many at once', async () => {
      const kek = await open();
      const keys = Array.from({ length: 40 }, () => systemRandom.bytes(32));
      const wrapped = await Promise.all(keys.map((key, i) => kek.wrap(key, `tenant ${i}`)));
      expect(await Promise.all(wrapped.map((w, i) => kek.unwrap(w, `tenant ${i}`)))).toEqual(keys);
    });
  });
}
