import { hash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemRandom } from '#kernel';

/** Beside the dependencies, as bin/tsx-hook.mjs has it: what is made of files that stay the same, so that a second start need not make it again. */
export const keptFolder = join(fileURLToPath(new URL('../../', import.meta.url)), 'node_modules', '.cache', 'exchequer');

/** What `make` makes of a text, or what it made of the same text before. An installation that cannot be written makes it each time. */
export function kept(kind: string, from: string, make: () => Buffer): Buffer {
  const path = join(keptFolder, kind, hash('sha256', from));
  try {
    return readFileSync(path);
  } catch {
    const made = make();
    try {
      mkdirSync(join(keptFolder, kind), { recursive: true });
      // Whole or not at all: two processes may start at once.
      const whole = `${path}.${systemRandom.bytes(6).toString('hex')}`;
      writeFileSync(whole, made);
      renameSync(whole, path);
    } catch {
      return made;
    }
    return made;
  }
}
