/**
 * A load generator as its own process: keep-alive connections over plain sockets, prebuilt requests, one answer read at a time.
 * Closed loop: the next request goes when the answer is in. Open loop: requests go by the clock, and latency counts from when
 * a request should have gone.
 */
import { connect, type Socket } from 'node:net';
import { KEY, serveQuestions } from './frame.ts';

interface Question { port: number; connections: number; seconds: number; requests: string[]; perSecond?: number; seed: number }
interface Answer { answered: number; ok: number; p50Ms: number; p99Ms: number; bytes: number; seconds: number }

const CRLF2 = Buffer.from('\r\n\r\n');


interface Line { socket: Socket; sentMs: number; rest: Buffer; busy: boolean; dueMs: number }

/** Length of the whole answer at the head of a buffer, or 0 when it is not complete. */
function answerLength(buffer: Buffer): number {
  const head = buffer.indexOf(CRLF2);
  if (head < 0) return 0;
  const text = buffer.toString('latin1', 0, head);
  const match = /content-length: (\d+)/i.exec(text);
  const total = head + 4 + (match ? Number(match[1]) : 0);
  return buffer.length >= total ? total : 0;
}

async function run(q: Question): Promise<Answer> {
  const latencies: number[] = [];
  let ok = 0;
  let bytes = 0;
  // Draws are even and repeatable (xorshift32): a walk in order would be the worst case of any cache, and unlike people.
  let at = (q.seed * 2_654_435_761) >>> 0 || 1;
  const requests = q.requests.map((r) => Buffer.from(r, 'latin1'));
  // A request that names a key is sent with a fresh one each time, written into a copy.
  const keyAt = requests.map((r) => r.indexOf(KEY));
  let keys = 0;
  const next = (): Buffer => {
    at ^= at << 13;
    at ^= at >>> 17;
    at = (at ^ (at << 5)) >>> 0;
    const drawn = at % requests.length;
    const request = requests[drawn] as Buffer;
    if ((keyAt[drawn] as number) < 0) return request;
    const copy = Buffer.from(request);
    copy.write(`${String(q.seed).padStart(8, '0')}${String(keys += 1).padStart(KEY.length - 8, '0')}`, keyAt[drawn] as number, 'latin1');
    return copy;
  };
  const lines: Line[] = await Promise.all(Array.from({ length: q.connections }, () => new Promise<Line>((done, fail) => {
    const socket = connect({ port: q.port, host: '127.0.0.1', noDelay: true }, () => done({ socket, sentMs: 0, rest: Buffer.alloc(0), busy: false, dueMs: 0 }));
    socket.once('error', fail);
  })));
  // From here on: to make the connections is not part of what is measured, and nothing may be due before they stand.
  const began = performance.now();
  const endMs = began + q.seconds * 1000;
  const send = (line: Line, dueMs: number): void => {
    line.busy = true;
    line.sentMs = dueMs;
    line.socket.write(next());
  };
  let sentOpen = 0;
  const due: number[] = [];
  const release = (line: Line): void => {
    line.busy = false;
    if (q.perSecond === undefined) {
      if (performance.now() < endMs) send(line, performance.now());
    } else {
      const waiting = due.shift();
      if (waiting !== undefined) send(line, waiting);
    }
  };
  for (const line of lines) {
    line.socket.on('data', (part: Buffer) => {
      line.rest = line.rest.length ? Buffer.concat([line.rest, part]) : part;
      const length = answerLength(line.rest);
      if (!length) return;
      const now = performance.now();
      latencies.push(now - line.sentMs);
      bytes += length;
      if (line.rest.toString('latin1', 9, 12) === '200') ok += 1;
      line.rest = line.rest.subarray(length);
      release(line);
    });
  }
  if (q.perSecond === undefined) for (const line of lines) send(line, performance.now());
  else {
    const interval = 1000 / q.perSecond;
    const tick = setInterval(() => {
      const now = performance.now();
      while (began + sentOpen * interval <= now && now < endMs) {
        const dueMs = began + sentOpen * interval;
        sentOpen += 1;
        const free = lines.find((l) => !l.busy);
        if (free) send(free, dueMs);
        else due.push(dueMs);
      }
    }, 1);
    await new Promise((done) => setTimeout(done, q.seconds * 1000));
    clearInterval(tick);
  }
  while (performance.now() < endMs + 50 || (lines.some((l) => l.busy) && performance.now() < endMs + 5000)) await new Promise((done) => setTimeout(done, 5));
  const seconds = (performance.now() - began) / 1000;
  for (const line of lines) line.socket.destroy();
  const sorted = Float64Array.from(latencies).sort();
  const part = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { answered: latencies.length, ok, p50Ms: part(0.5), p99Ms: part(0.99), bytes: latencies.length ? bytes / latencies.length : 0, seconds: Math.min(seconds, q.seconds) };
}

serveQuestions((q: Question) => run(q), async () => undefined);
