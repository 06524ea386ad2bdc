import { describe, expect, it } from 'vitest';
import { systemRandom } from '#kernel';
import type { ObjectStore } from '#platform/objects/port';

/** What every object store must do, wherever its objects lie; `open` opens the same one again, as a restart does. */
export function objectsConform(name: string, open: () => ObjectStore): void {
  let keys = 0;
  const key = (): string => `${'a'.repeat(32)}/conform/${(keys += 1).toString().padStart(8, '0')}`;
  describe(`objects in ${name}`, () => {
    it('are given back as they were put, also after a restart', async () => {
      const store = open();
      for (const bytes of [Buffer.alloc(0), Buffer.from('text with ü and \u0000'), systemRandom.bytes(5_000_000)]) {
        const k = key();
        expect(await store.put(k, bytes)).toBe('made');
        expect((await open().get(k))?.equals(bytes)).toBe(true);
      }
    });
    it('are said to be there or not, without being fetched', async () => {
      const [store, k] = [open(), key()];
      expect(await store.has(k)).toBe(false);
      await store.put(k, Buffer.alloc(0));
      expect([await open().has(k), await store.has(`${k}-none`), await store.has(`${k.slice(0, 32)}/none/at-all`)]).toEqual([true, false, false]);
      await store.remove(k);
      expect(await store.has(k)).toBe(false);
    });
    it('are put once: what stands stays', async () => {
      const [store, k] = [open(), key()];
      expect(await store.put(k, Buffer.from('first'))).toBe('made');
      expect(await open().put(k, Buffer.from('second'))).toBe('exists');
      expect((await store.get(k))?.toString()).toBe('first');
    });
    it('of many that put at once one wins, and its bytes are whole', async () => {
      const k = key();
      const all = Array.from({ length: 16 }, (_, i) => Buffer.alloc(50_000, i));
      const said = await Promise.all(all.map((bytes) => open().put(k, bytes)));
      expect(said.filter((s) => s === 'made')).toHaveLength(1);
      expect((await open().get(k))?.equals(all[said.indexOf('made')] as Buffer)).toBe(true);
    });
    it('are gone when they are removed, and may be put again', async () => {
      const [store, k] = [open(), key()];
      expect(await store.get(k)).toBeUndefined();
      await store.remove(k);
      await store.put(k, Buffer.from('x'));
      await store.remove(k);
      expect(await store.get(k)).toBeUndefined();
      expect(await store.put(k, Buffer.from('y'))).toBe('made');
    });
  });
}
