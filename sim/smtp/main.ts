// A made-up mail relay. See README.md beside this file.
import { createHash } from 'node:crypto';
import { SMTPServer } from 'smtp-server';

// Imported, this module brings the whole of `fetch` along, 40 ms at each start.
const { createServer } = process.getBuiltinModule('node:http');
const option = (name: string, fallback: string): string => {
  const at = process.argv.indexOf(`--${name}`);
  return at >= 0 ? (process.argv[at + 1] ?? fallback) : fallback;
};
const token = option('token', 'sim');
const seed = option('seed', '1');
const faults = Number(option('faults', '0'));
const slowMs = Number(option('slow-ms', '0'));
const OUTBOX_MAX = 10_000;
const MAIL_BYTES_MAX = 1024 * 1024;

interface Taken { id: string; to: string; subject: string; text: string; headers: Record<string, string>; raw: string; at: string }
const outbox: Taken[] = [];
let mails = 0;
const connections = { opened: 0, open: 0 };
/** The n-th draw of this run: the same seed gives the same faults. */
const draw = (): number => createHash('sha256').update(`${seed}:${mails}`).digest().readUInt32BE() / 2 ** 32;

/** Header fields, unfolded, by small name; the last of a name stands. */
function headersOf(text: string): Record<string, string> {
  const lines = text.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  return Object.fromEntries(lines.flatMap((line) => {
    const at = line.indexOf(':');
    return at > 0 ? [[line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()]] : [];
  }));
}
const decodeQuoted = (text: string): Buffer =>
  Buffer.from(text.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))), 'latin1');
/** Words of a header that hold other scripts (RFC 2047). */
const decodeWords = (text: string): string => text.replace(/\?=\s+=\?/g, '?==?').replace(/=\?utf-8\?([BQ])\?([^?]*)\?=/gi, (_, how: string, words: string) =>
  (how.toUpperCase() === 'B' ? Buffer.from(words, 'base64') : decodeQuoted(words.replaceAll('_', ' '))).toString('utf8'));

/** The plain text of a mail: itself, or the part that says so. */
function textOf(raw: string): string {
  const at = raw.indexOf('\r\n\r\n');
  const [head, body] = [headersOf(raw.slice(0, at)), raw.slice(at + 4)];
  const boundary = /boundary="?([^";]+)"?/.exec(head['content-type'] ?? '')?.[1];
  if (boundary) return body.split(`--${boundary}`).slice(1, -1).map((part) => textOf(part.replace(/^\r\n/, ''))).find((text) => text !== '') ?? '';
  if (head['content-type'] !== undefined && !head['content-type'].startsWith('text/plain')) return '';
  const how = head['content-transfer-encoding']?.toLowerCase();
  return (how === 'base64' ? Buffer.from(body, 'base64') : how === 'quoted-printable' ? decodeQuoted(body) : Buffer.from(body, 'latin1')).toString('utf8');
}

function take(raw: string, to: string): void {
  const headers = headersOf(raw.slice(0, raw.indexOf('\r\n\r\n')));
  outbox.unshift({ id: headers['message-id'] ?? '', to, subject: decodeWords(headers.subject ?? ''), text: textOf(raw), headers, raw, at: new Date().toISOString() });
  if (outbox.length > OUTBOX_MAX) outbox.pop();
}

const refuse = (code: number, text: string): Error => Object.assign(new Error(text), { responseCode: code });
const smtp = new SMTPServer({
  authOptional: true, disabledCommands: ['STARTTLS', 'AUTH'], size: MAIL_BYTES_MAX, logger: false, disableReverseLookup: true,
  onConnect(_session, done) {
    connections.opened += 1;
    connections.open += 1;
    done();
  },
  onClose() { connections.open -= 1; },
  onRcptTo({ address }, _session, done) {
    if (address.startsWith('nobody')) return done(refuse(550, 'no such box'));
    done(address.startsWith('full') ? refuse(452, 'the box is full') : null);
  },
  onData(stream, session, done) {
    const parts: Buffer[] = [];
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('end', () => setTimeout(() => {
      mails += 1;
      const fault = draw() < faults ? Math.floor(draw() * 2000) % 2 : -1;
      if (fault === 0) return done(refuse(451, 'busy'));
      for (const to of session.envelope.rcptTo) take(Buffer.concat(parts).toString('latin1'), to.address);
      done(fault === 1 ? refuse(421, 'the line breaks') : null);
    }, slowMs));
  },
});
smtp.on('error', () => undefined);

const http = createServer((req, res) => {
  const known = { '/v1/outbox': outbox.slice(0, 200), '/v1/connections': connections }[req.url ?? ''];
  const fine = req.headers.authorization === `Bearer ${token}` && known !== undefined;
  res.writeHead(fine ? 200 : 401, { 'content-type': 'application/json' }).end(fine ? JSON.stringify(known) : '{}');
});
const portOf = (address: unknown): number => (address as { port: number }).port;
smtp.listen(0, '127.0.0.1', () => http.listen(0, '127.0.0.1', () =>
  process.stdout.write(`${JSON.stringify({ listening: portOf(http.address()), smtp: portOf(smtp.server.address()) })}\n`)));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
