import { access, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeOnce } from '#kernel';
import type { ObjectStore } from '#platform/objects/port';

const coded = (error: unknown, code: string): boolean => (error as NodeJS.ErrnoException).code === code;

/** Objects as files of a folder that only its owner reads. A file gets its name when all of it is on the disk, and only where the name is free. */
export function folderObjects(folder: string): ObjectStore {
  return {
    name: 'folder',
    put: async (key, bytes) => (await writeOnce(join(folder, key), bytes) ? 'made' : 'exists'),
    async get(key) {
      try {
        return await readFile(join(folder, key));
      } catch (error) {
        if (coded(error, 'ENOENT')) return undefined;
        throw error;
      }
    },
    async has(key) {
      try {
        await access(join(folder, key));
        return true;
      } catch (error) {
        if (coded(error, 'ENOENT')) return false;
        throw error;
      }
    },
    remove: (key) => rm(join(folder, key), { force: true }),
  };
}
