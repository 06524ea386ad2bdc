import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { appendLine, writeOnce } from './file.ts';

const folder = mkdtempSync(join(tmpdir(), 'exchequer-file-'));
afterEach(() => vi.restoreAllMocks());
afterAll(() => rmSync(folder, { recursive: true }));

/** A disk that takes half of what is written next, and then no more. */
async function fullWithin(name: 'appendFile' | 'writeFile'): Promise<void> {
  const any = await open(join(folder, 'any'), 'w');
  await any.close();
  const prototype = Object.getPrototypeOf(any) as FileHandle;
  const real = prototype.appendFile;
  vi.spyOn(prototype, name).mockImplementationOnce(async function half(this: FileHandle, text) {
    const all = text as string;
    await real.call(this, all.slice(0, all.length >> 1));
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  });
}

describe('a file that is written once', () => {
  it('stays as the first one wrote it, for its owner only', async () => {
    const path = join(folder, 'deep', 'once');
    const made = await Promise.all(['a', 'b', 'c'].map((text) => writeOnce(path, text)));
    expect(made.filter(Boolean)).toHaveLength(1);
    expect(readFileSync(path, 'utf8')).toBe('abc'[made.indexOf(true)]);
    expect(await writeOnce(path, 'd')).toBe(false);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'deep'))).toEqual(['once']);
  });
  it('is not there at all where the disk is full, and can be made later', async () => {
    const path = join(folder, 'full', 'key');
    await fullWithin('writeFile');
    await expect(writeOnce(path, 'a secret')).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(readdirSync(join(folder, 'full'))).toEqual([]);
    expect(await writeOnce(path, 'a secret')).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe('a secret');
  });
  it('says what else stands in the way', async () => {
    writeFileSync(join(folder, 'no-folder'), '');
    await expect(writeOnce(join(folder, 'no-folder', 'x'), 'x')).rejects.toThrow();
    expect(existsSync(join(folder, 'no-folder', 'x'))).toBe(false);
  });
});

describe('a line that is added', () => {
  it('stands behind those before, in a file that may be new', async () => {
    const path = join(folder, 'lines', 'one');
    for (const line of ['first', 'second', 'x'.repeat(10_000), 'last']) await appendLine(path, line);
    expect(readFileSync(path, 'utf8')).toBe(`first\nsecond\n${'x'.repeat(10_000)}\nlast\n`);
  });
  it.each([['a part of one', 'first\nsec', 'first\n'], ['a long part', `first\n${'y'.repeat(9000)}`, 'first\n'], ['nothing but a part', 'y'.repeat(9000), ''],
    ['whole lines', 'first\n', 'first\n']])('comes in the place of what a full disk left: %s', async (name, before, kept) => {
    const path = join(folder, name);
    writeFileSync(path, before);
    await appendLine(path, 'next');
    expect(readFileSync(path, 'utf8')).toBe(`${kept}next\n`);
  });
  it('is an error where the disk is full, and the next one stands whole', async () => {
    const path = join(folder, 'full-line');
    await appendLine(path, 'first');
    await fullWithin('appendFile');
    await expect(appendLine(path, 'never kept')).rejects.toMatchObject({ code: 'ENOSPC' });
    await appendLine(path, 'second');
    expect(readFileSync(path, 'utf8')).toBe('first\nsecond\n');
  });
});
