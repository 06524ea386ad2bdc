import { openSync, writeSync } from 'node:fs';
import { pino, type DestinationStream } from 'pino';
import { systemClock } from './clock.ts';

/** Log lines are one JSON object each: a code in dotted words and plain fields. Never personal data, never a request body. */
export interface Log {
  info(code: string, fields?: Record<string, unknown>): void;
  warn(code: string, fields?: Record<string, unknown>): void;
  error(code: string, fields?: Record<string, unknown>): void;
  /** The same log with fields that every line carries. */
  with(fields: Record<string, unknown>): Log;
}

/** An error as log fields: name, code and stack without the message, because messages quote values. */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: typeof error };
  const { code } = error as { code?: unknown };
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at ')).slice(0, 8).map((line) => line.trim());
  return { error: error.name, code, frames, ...(error.cause === undefined ? {} : { cause: errorFields(error.cause) }) };
}

const STDOUT = 1;
const WAITING_BYTES_MAX = 1024 * 1024;

/**
 * Each line is written before the call returns. A device that takes nothing (a full disk, a reader that stands still) ends nothing and holds nobody up: its
 * lines wait, and are tried again with the next one. What comes while a megabyte waits is dropped, and `log.lost` says how many lines once it can.
 * Our own, since pino's destination throws on a full disk, and its `flushSync` tries for ever.
 */
export function lineTo(dest: string | number): DestinationStream {
  const fd = typeof dest === 'number' ? dest : openSync(dest, 'a', 0o600);
  const waiting: Buffer[] = [];
  let bytes = 0;
  let lost = 0;
  let code: unknown;
  const flush = (): void => {
    try {
      for (let next = waiting[0]; next; next = waiting[0]) {
        const written = writeSync(fd, next);
        bytes -= written;
        if (written < next.length) waiting[0] = next.subarray(written);
        else waiting.shift();
      }
    } catch (error) {
      if (code === undefined) process.once('exit', flush);
      code = (error as NodeJS.ErrnoException).code;
    }
  };
  const add = (line: string): void => {
    bytes += waiting[waiting.push(Buffer.from(line)) - 1]?.length ?? 0;
  };
  return {
    write(line) {
      if (bytes >= WAITING_BYTES_MAX) flush();
      if (bytes >= WAITING_BYTES_MAX) {
        lost += 1;
        return;
      }
      if (lost) add(`${JSON.stringify({ level: pino.levels.values.error, time: systemClock.now().getTime(), lines: lost, code, event: 'log.lost' })}\n`);
      lost = 0;
      add(line);
      flush();
    },
  };
}

/** Writes to standard output, or where `to` says: a file by its path, an open descriptor, or a stream. */
export function createLog(options: { level?: 'silent' | 'error' | 'warn' | 'info'; to?: DestinationStream | string | number } = {}): Log {
  const settings = { level: options.level ?? 'info', base: null, messageKey: 'event' };
  const to = options.to ?? STDOUT;
  const wrap = (p: pino.Logger): Log => ({
    info: (code, fields) => p.info(fields ?? {}, code),
    warn: (code, fields) => p.warn(fields ?? {}, code),
    error: (code, fields) => p.error(fields ?? {}, code),
    with: (fields) => wrap(p.child(fields)),
  });
  return wrap(pino(settings, typeof to === 'object' ? to : lineTo(to)));
}
