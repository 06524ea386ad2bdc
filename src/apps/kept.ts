import { hash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Beside the dependencies: what is made of files that stay the same, so that a second start need not make it again. */
export const keptFolder = join(fileURLToPath(new URL('../../', import.meta.url)), 'node_modules', '.cache', 'exchequer');

/**
 * What `make` makes of a text, or what it made of the same text before; `kind` names the folder that it lies in. An installation that cannot be written
 * makes it each time. Imports nothing of the house: bin/tsx-hook.mjs needs it before the house can be read.
 */
export function kept(kind: string, from: string, make: () => Buffer): Buffer {
  const path = join(keptFolder, kind, hash('sha256', from));
  try {
    return readFileSync(path);
  } catch {
    const made = make();
    try {
      mkdirSync(join(keptFolder, kind), { recursive: true });
      // Whole or not at all: two processes may start at once.
      const whole = mkdtempSync(`${path}.`);
      writeFileSync(join(whole, 'made'), made);
      renameSync(join(whole, 'made'), path);
      rmdirSync(whole);
    } catch {
      return made;
    }
    return made;
  }
}
