import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createLog } from './log.ts';

const folder = mkdtempSync(join(tmpdir(), 'exchequer-log-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A device that is full, as Linux has one, and then a file in its place under the same descriptor. */
function device(name: string): { readonly fd: number; freed(): void; lines(): Record<string, unknown>[] } {
  const fd = openSync('/dev/full', 'w');
  const file = join(folder, name);
  return {
    fd,
    freed() {
      closeSync(fd);
      expect(openSync(file, 'w')).toBe(fd);
    },
    lines: () => readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

describe('a log that cannot be written', () => {
  it('ends nothing; its lines wait until it can', () => {
    const full = device('waits');
    const log = createLog({ to: full.fd });
    log.info('test.first');
    log.with({ more: 1 }).warn('test.second', { n: 2 });
    full.freed();
    log.error('test.third');
    expect(full.lines().map((line) => line.event)).toEqual(['test.first', 'test.second', 'test.third']);
    closeSync(full.fd);
  });

  it('says how many lines were dropped, once more than a megabyte waited', () => {
    const full = device('drops');
    const log = createLog({ to: full.fd });
    const text = 'x'.repeat(1000);
    for (let i = 0; i < 2000; i++) log.info('test.line', { i, text });
    full.freed();
    for (const i of [2000, 2001]) log.info('test.line', { i, text });
    const lines = full.lines();
    const told = lines.filter((line) => line.event === 'log.lost');
    const kept = lines.filter((line) => line.event === 'test.line');
    expect(told).toEqual([expect.objectContaining({ level: 50, code: 'ENOSPC' })]);
    expect(kept.length + Number(told[0]?.lines)).toBe(2002);
    expect(kept.length).toBeGreaterThan(900);
    expect(kept.at(-1)?.i).toBe(2001);
    closeSync(full.fd);
  });

  it('keeps its lines whole where a reader stands still for a while', () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const fd = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    const log = createLog({ to: fd });
    const text = 'y'.repeat(1000);
    for (let i = 0; i < 200; i++) log.info('test.line', { i, text });
    const buffer = Buffer.alloc(64 * 1024);
    let heard = '';
    for (let i = 200; i < 210; i++) {
      heard += buffer.toString('utf8', 0, readSync(fd, buffer));
      log.info('test.line', { i, text });
    }
    heard += buffer.toString('utf8', 0, readSync(fd, buffer));
    expect(heard.trimEnd().split('\n').map((line) => (JSON.parse(line) as { i: number }).i)).toEqual(Array.from({ length: 210 }, (_, i) => i));
    closeSync(fd);
  });
});
