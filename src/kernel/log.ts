import { pino, type DestinationStream } from 'pino';

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

/** Writes to standard output, or where `to` says. */
export function createLog(options: { level?: 'silent' | 'error' | 'warn' | 'info'; to?: DestinationStream } = {}): Log {
  const settings = { level: options.level ?? 'info', base: null, messageKey: 'event' };
  const wrap = (p: pino.Logger): Log => ({
    info: (code, fields) => p.info(fields ?? {}, code),
    warn: (code, fields) => p.warn(fields ?? {}, code),
    error: (code, fields) => p.error(fields ?? {}, code),
    with: (fields) => wrap(p.child(fields)),
  });
  return wrap(options.to ? pino(settings, options.to) : pino(settings));
}
