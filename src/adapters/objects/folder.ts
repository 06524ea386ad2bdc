import { access, link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemRandom } from '#kernel';
import type { ObjectStore } from '#platform/objects/port';

const coded = (error: unknown, code: string): boolean => (error as NodeJS.ErrnoException).code === code;

/** On the disk for good: also the name, which stands in the folder. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Objects as files of a folder that only its owner reads. A file gets its name when all of it is on the disk, and only where the name is free. */
export function folderObjects(folder: string): ObjectStore {
  return {
    name: 'folder',
    async put(key, bytes) {
      const path = join(folder, key);
      const draft = `${path}.${systemRandom.bytes(6).toString('hex')}.draft`;
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      try {
        const file = await open(draft, 'wx', 0o600);
        try {
          await file.writeFile(bytes);
          await file.sync();
        } finally {
          await file.close();
        }
        // A link, unlike a rename, is refused where the name is taken.
        await link(draft, path);
        await sync(dirname(path));
        return 'made';
      } catch (error) {
        if (coded(error, 'EEXIST')) return 'exists';
        throw error;
      } finally {
        await rm(draft, { force: true });
      }
    },
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
