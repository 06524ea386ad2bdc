import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fileHeads } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'exchequer-heads-'));
afterAll(() => rmSync(folder, { recursive: true }));
const head = (pos: bigint): { cell: string; pos: bigint; chainHash: string; at: Date } => ({ cell: 'IN', pos, chainHash: `hash ${pos}`, at: new Date(1e12) });

describe('heads in a file', () => {
  it('are none at first, and then all of them and the newest', async () => {
    const heads = fileHeads(join(folder, 'fresh'));
    expect([await heads.all('IN'), await heads.newest('IN')]).toEqual([[], undefined]);
    for (const pos of [1n, 2n]) await heads.write(head(pos));
    expect(await heads.all('IN')).toEqual([head(1n), head(2n)]);
    expect(await heads.newest('IN')).toEqual(head(2n));
    expect(await heads.all('US')).toEqual([]);
  });

  it('are read, and go on, behind what a full disk left of one', async () => {
    const heads = fileHeads(join(folder, 'torn'));
    for (const pos of [1n, 2n]) await heads.write(head(pos));
    const file = join(folder, 'torn', 'IN.ndjson');
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, -20));
    expect(await heads.all('IN')).toEqual([head(1n)]);
    await heads.write(head(3n));
    expect(await heads.all('IN')).toEqual([head(1n), head(3n)]);
  });
});
