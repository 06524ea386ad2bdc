/** A receiver that takes what comes: 200 at once, and on /slow after 30 seconds, or when asked to. Bare sockets, so that it is not what is measured. */
import { createServer, type Socket } from 'node:net';
import { serveQuestions } from './frame.ts';

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const SLOW_MS = 30_000;
const waiting = new Map<NodeJS.Timeout, () => void>();
const server = createServer((socket: Socket) => {
  let text = '';
  socket.setEncoding('latin1').setNoDelay(true).on('error', () => undefined).on('data', (chunk: string) => {
    text += chunk;
    for (;;) {
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      const slow = text.startsWith('POST /slow');
      if (!/webhook-signature: v1,/i.test(text.slice(0, end))) throw new Error('unsigned');
      text = text.slice(end + 4 + length);
      const answer = (): void => void socket.write(ANSWER);
      if (!slow) answer();
      else {
        const later = setTimeout(() => {
          waiting.delete(later);
          answer();
        }, SLOW_MS);
        waiting.set(later, answer);
      }
    }
  });
});
await new Promise<void>((done) => { server.listen(0, '127.0.0.1', done); });
const { port } = server.address() as { port: number };
function release(): number {
  const released = waiting.size;
  for (const [later, answer] of waiting) {
    clearTimeout(later);
    answer();
  }
  waiting.clear();
  return released;
}
serveQuestions(async (q: { release?: boolean }) => ({ port, waiting: waiting.size, released: q.release ? release() : 0 }), async () => void server.close());
