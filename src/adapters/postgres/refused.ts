/** Why the embedded server cannot serve this data folder. */
export type RefusedCode = 'other-major' | 'no-binaries' | 'in-use' | 'unreachable' | 'not-ours' | 'port-taken' | 'failed';

/** A start that was refused; the message is written for the operator and names the way out. */
export class PostgresRefused extends Error {
  readonly code: RefusedCode;

  constructor(code: RefusedCode, message: string) {
    super(message);
    this.name = 'PostgresRefused';
    this.code = code;
  }
}

const NO_SUCH_FILE = new Set(['ENOENT', 'ENOTDIR']);

/** The `code` of a failed system call, or undefined for any other error. */
export const errno = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** The answer of `read`, or undefined when the file is not there. */
export function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (NO_SUCH_FILE.has(errno(error) ?? '')) return undefined;
    throw error;
  }
}
