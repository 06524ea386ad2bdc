import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '#kernel';
import type { SecondLevel } from '#spine/cache/port';

/** What every second level of caches must do. */
export function secondLevelConforms(name: string, open: () => Promise<{ level: SecondLevel; stop?: () => Promise<void> }>, when = true): void {
  describe.runIf(when)(`a second level in ${name}`, () => {
    let opened: Awaited<ReturnType<typeof open>>;
    beforeAll(async () => {
      opened = await open();
      process.stdout.write(`cache: ${await opened.level.about()}\n`);
    });
    afterAll(async () => {
      await opened?.level.close();
      await opened?.stop?.();
    });
    it('keeps a value with its age until its time is over', async () => {
      const { level } = opened;
      const { fence, text } = await level.read('a');
      expect(text).toBeUndefined();
      expect(await level.fill('a', fence, '{"x":"ü ✓ \\n"}', 300)).toBe(true);
      await systemClock.sleep(60);
      const read = await level.read('a');
      expect(read.text).toBe('{"x":"ü ✓ \\n"}');
      expect(read.ageMs).toBeGreaterThanOrEqual(55);
      expect(read.ageMs).toBeLessThan(280);
      await systemClock.sleep(300);
      expect((await level.read('a')).text).toBeUndefined();
    });
    it('takes nothing that was read before an invalidation', async () => {
      const { level } = opened;
      const { fence } = await level.read('b');
      await level.invalidate('b');
      expect(await level.fill('b', fence, 'old', 10_000)).toBe(false);
      const next = await level.read('b');
      expect(next.text).toBeUndefined();
      expect(await level.fill('b', next.fence, 'new', 10_000)).toBe(true);
      await level.invalidate('b');
      expect((await level.read('b')).text).toBeUndefined();
    });
    it('lets one reader load, and another when it gives up or the key is invalidated', async () => {
      const { level } = opened;
      const reads = await Promise.all(Array.from({ length: 5 }, () => level.read('c')));
      expect(reads.filter((r) => r.yours)).toHaveLength(1);
      await level.fill('c', reads.find((r) => r.yours)?.fence ?? '', undefined, 0);
      expect((await level.read('c')).yours).toBe(true);
      await level.invalidate('c');
      expect((await level.read('c')).yours).toBe(true);
    });
    it('keeps keys apart, whatever stands in them', async () => {
      const { level } = opened;
      for (const key of ['x{y}', 'x}y', 'x y:v', 'ü', '']) {
        await level.fill(key, (await level.read(key)).fence, key, 10_000);
        expect((await level.read(key)).text).toBe(key);
      }
    });
  });
}
