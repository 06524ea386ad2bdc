import { link, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemRandom } from './random.ts';

/** What is written of it is on the disk for good; of a folder these are its names. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Makes a file that is there whole or not at all, and on the disk for good when this resolves; only its owner reads it. False where the name is taken: the
 * one that was there first stays.
 */
export async function writeOnce(path: string, bytes: Uint8Array | string): Promise<boolean> {
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
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

const NEWLINE = 10;
const TAIL_BYTES = 4096;

/**
 * Adds a line at the end of a file that has one writer, on the disk for good when this resolves. What a full disk or a power cut left of a line before, whose
 * writer was never told that it stands, is taken away first.
 */
export async function appendLine(path: string, line: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'a+', 0o600);
  try {
    let { size } = await file.stat();
    const tail = Buffer.alloc(TAIL_BYTES);
    while (size > 0) {
      const from = Math.max(0, size - TAIL_BYTES);
      const { bytesRead } = await file.read(tail, 0, size - from, from);
      const end = tail.subarray(0, bytesRead).lastIndexOf(NEWLINE);
      if (end === bytesRead - 1) break;
      size = from + end + 1;
      await file.truncate(size);
      if (end >= 0) break;
    }
    await file.appendFile(`${line}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}
