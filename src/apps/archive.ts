import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { mkdir, open, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';

/**
 * An encrypted archive in one file: entries, each a heading and its bytes, cut into chunks of at most 1 MiB that are sealed one by
 * one with AES-256-GCM. A chunk's number and whether it is the last are authenticated, so chunks cannot be moved, dropped or cut off.
 */
const CHUNK_BYTES = 1024 * 1024;
const TAG_BYTES = 16;
const LENGTH_BYTES = 4;

const nonceOf = (chunk: number): Buffer => {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(chunk, 6, 6);
  return nonce;
};
const aadOf = (chunk: number, last: boolean): Buffer => Buffer.from(`exchequer backup ${chunk} ${last ? 'last' : 'more'}`);

interface Heading { readonly path: string; readonly bytes: number; readonly mode: number }

/** Writes an archive. One key seals one archive only, which is what lets its nonces count. */
export class ArchiveWriter {
  readonly #file: FileHandle;
  readonly #key: KeyObject;
  #pending: Buffer = Buffer.alloc(0);
  #chunk = 0;
  #written = 0;

  private constructor(file: FileHandle, key: Buffer) {
    this.#file = file;
    this.#key = createSecretKey(key);
  }

  static async create(path: string, key: Buffer): Promise<ArchiveWriter> {
    return new ArchiveWriter(await open(path, 'wx', 0o600), key);
  }

  get bytesWritten(): number {
    return this.#written;
  }

  async #seal(part: Buffer, last: boolean): Promise<void> {
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonceOf(this.#chunk));
    cipher.setAAD(aadOf(this.#chunk, last));
    const body = Buffer.concat([cipher.update(part), cipher.final(), cipher.getAuthTag()]);
    const head = Buffer.alloc(LENGTH_BYTES);
    head.writeUInt32BE(body.length);
    await this.#file.appendFile(Buffer.concat([head, body]));
    this.#chunk += 1;
    this.#written += LENGTH_BYTES + body.length;
  }

  async #add(bytes: Buffer): Promise<void> {
    this.#pending = this.#pending.length ? Buffer.concat([this.#pending, bytes]) : bytes;
    while (this.#pending.length > CHUNK_BYTES) {
      await this.#seal(this.#pending.subarray(0, CHUNK_BYTES), false);
      this.#pending = this.#pending.subarray(CHUNK_BYTES);
    }
  }

  async #heading(h: Heading): Promise<void> {
    const text = Buffer.from(JSON.stringify(h));
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(text.length);
    await this.#add(Buffer.concat([length, text]));
  }

  /** Adds bytes as one entry. */
  async bytes(path: string, bytes: Buffer, mode = 0o600): Promise<void> {
    await this.#heading({ path, bytes: bytes.length, mode });
    await this.#add(bytes);
  }

  /** Adds a file as it is now: one that grows meanwhile is cut at its first length, one that shrinks is filled with zeros (recovery from WAL mends both). */
  async file(path: string, source: string): Promise<void> {
    const { size, mode } = await stat(source);
    await this.#heading({ path, bytes: size, mode: mode & 0o777 });
    const handle = await open(source);
    try {
      for (let at = 0; at < size;) {
        const buffer = Buffer.alloc(Math.min(CHUNK_BYTES, size - at));
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
        await this.#add(bytesRead === buffer.length ? buffer : Buffer.concat([buffer.subarray(0, bytesRead), Buffer.alloc(bytesRead === 0 ? size - at : 0)]));
        at += bytesRead === 0 ? size - at : bytesRead;
      }
    } finally {
      await handle.close();
    }
  }

  async close(): Promise<void> {
    await this.#seal(this.#pending, true);
    await this.#file.sync();
    await this.#file.close();
  }
}

async function* chunks(path: string, key: Buffer): AsyncGenerator<Buffer> {
  const file = await open(path);
  const secret = createSecretKey(key);
  try {
    const { size } = await file.stat();
    let at = 0;
    for (let chunk = 0; at < size; chunk++) {
      const head = (await file.read(Buffer.alloc(LENGTH_BYTES), 0, LENGTH_BYTES, at)).buffer;
      const length = head.readUInt32BE();
      if (length < TAG_BYTES || length > CHUNK_BYTES + TAG_BYTES || at + LENGTH_BYTES + length > size) throw new Error('the backup is cut off or damaged');
      const body = (await file.read(Buffer.alloc(length), 0, length, at + LENGTH_BYTES)).buffer;
      at += LENGTH_BYTES + length;
      const decipher = createDecipheriv('aes-256-gcm', secret, nonceOf(chunk), { authTagLength: TAG_BYTES });
      decipher.setAAD(aadOf(chunk, at === size));
      decipher.setAuthTag(body.subarray(length - TAG_BYTES));
      try {
        yield Buffer.concat([decipher.update(body.subarray(0, length - TAG_BYTES)), decipher.final()]);
      } catch (cause) {
        throw new Error('the backup is damaged, cut off, or not of this key', { cause });
      }
    }
  } finally {
    await file.close();
  }
}

/** What an entry's bytes are handed to, piece by piece. */
export interface EntrySink { write(part: Buffer): Promise<void>; end(): Promise<void> }

/** Reads an archive entry by entry. */
export async function readArchive(path: string, key: Buffer, open: (heading: Heading) => Promise<EntrySink>): Promise<number> {
  let pending: Buffer = Buffer.alloc(0);
  let sink: EntrySink | undefined;
  let left = 0;
  let entries = 0;
  try {
    for await (const part of chunks(path, key)) {
      pending = pending.length ? Buffer.concat([pending, part]) : part;
      for (;;) {
        if (sink) {
          const piece = pending.subarray(0, Math.min(left, pending.length));
          if (piece.length) await sink.write(piece);
          pending = pending.subarray(piece.length);
          left -= piece.length;
          if (left > 0) break;
          await sink.end();
          sink = undefined;
          entries += 1;
        }
        if (pending.length < LENGTH_BYTES) break;
        const length = pending.readUInt32BE();
        if (pending.length < LENGTH_BYTES + length) break;
        const heading = JSON.parse(pending.toString('utf8', LENGTH_BYTES, LENGTH_BYTES + length)) as Heading;
        pending = pending.subarray(LENGTH_BYTES + length);
        left = heading.bytes;
        sink = await open(heading);
      }
    }
  } catch (error) {
    await sink?.end();
    throw error;
  }
  if (sink && left === 0) {
    await sink.end();
    entries += 1;
  } else if (sink || pending.length) throw new Error('the backup ends in the middle of an entry');
  return entries;
}

/** A sink that writes below a folder; a path that leaves it is refused. */
export async function fileSink(folder: string, heading: Heading): Promise<EntrySink> {
  const path = normalize(join(folder, heading.path));
  if (!path.startsWith(`${normalize(folder)}/`)) throw new Error('an entry of the backup leaves its folder');
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, '', { mode: heading.mode, flag: 'wx' });
  const handle = await open(path, 'a');
  return { write: (part) => handle.appendFile(part), end: () => handle.close() };
}
