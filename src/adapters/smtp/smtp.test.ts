import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mailConforms, startSim, type Delivered, type Sim } from '#test';
import { systemClock } from '#kernel';
import type { Mail } from '#platform/notify/port';
import { memoryMail, smtpMail } from './index.ts';

let sim: Sim;
let smtp: ReturnType<typeof smtpMail>;
beforeAll(async () => {
  sim = await startSim('smtp');
  smtp = smtpMail({ name: 'smtp', url: sim.smtp as string });
});
afterAll(async () => {
  smtp.close();
  await sim.stop();
});

const outbox = async (of = sim): Promise<(Delivered & { raw: string; id: string })[]> =>
  await (await fetch(`${of.base}/v1/outbox`, { headers: { authorization: `Bearer ${of.token}` } })).json() as (Delivered & { raw: string; id: string })[];
const memory = memoryMail();
mailConforms('this process’s memory', () => ({ mail: memory, delivered: async () => memory.sent.map((m) => ({ ...m, subject: m.subject, headers: {} })) }));
mailConforms('SMTP (sim/smtp)', () => ({ mail: smtp, delivered: () => outbox() }));

const mailTo = (to: string, key: string): Mail & { key: string } => ({
  to, key, from: 'Office <office@example.com>', subject: 's', text: 't', html: '<p>t</p>',
  headers: { 'List-Unsubscribe': '<https://office.example/u>', 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' },
});
const signal = (): AbortSignal => AbortSignal.timeout(5000);

it('bears one Message-ID for one key, and the fields of one click', async () => {
  await smtp.send(mailTo('asha@example.com', 'k-1'), signal());
  await smtp.send(mailTo('asha@example.com', 'k-1'), signal());
  const both = (await outbox()).filter((m) => m.id === '<k-1@example.com>');
  expect(both).toHaveLength(2);
  expect(both[0]?.headers).toMatchObject({ 'list-unsubscribe': '<https://office.example/u>', 'list-unsubscribe-post': 'List-Unsubscribe=One-Click' });
});

it('a full box, a busy relay and a broken line leave the outcome open; nobody there never sent', async () => {
  await expect(smtp.send(mailTo('full@example.com', 'k-2'), signal())).rejects.toThrow('452');
  const none = smtpMail({ name: 'none', url: 'smtp://127.0.0.1:1' });
  await expect(none.send(mailTo('asha@example.com', 'k-3'), signal())).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  none.close();
  await expect(smtp.send(mailTo('asha@example.com', 'k-4'), AbortSignal.abort())).rejects.toThrow();
});

it('signs both fields of one click where a key is given', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signing = smtpMail({ name: 'dkim', url: sim.smtp as string, dkim: { domain: 'example.com', selector: 'one',
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string } });
  await signing.send(mailTo('asha@example.com', 'k-5'), signal());
  signing.close();
  const signature = (await outbox()).find((m) => m.id === '<k-5@example.com>')?.headers['dkim-signature'] ?? '';
  expect(signature).toMatch(/d=example\.com/);
  expect(/[ ;]h=([^;]+)/.exec(signature)?.[1]?.toLowerCase().split(':').map((f) =>
    f.trim())).toEqual(expect.arrayContaining(['list-unsubscribe', 'list-unsubscribe-post', 'from', 'to']));
});

it('faults by seed lose nothing that was taken and take nothing that was refused', async () => {
  const faulty = await startSim('smtp', ['--faults', '0.5', '--seed', 'mail']);
  const line = smtpMail({ name: 'faulty', url: faulty.smtp as string });
  let accepted = 0, open = 0;
  for (let i = 0; i < 20; i++) await line.send(mailTo('asha@example.com', `f-${i}`), signal()).then(() => { accepted += 1; }, () => { open += 1; });
  line.close();
  const there = new Set((await outbox(faulty)).map((m) => m.id));
  await faulty.stop();
  expect(open).toBeGreaterThan(0);
  expect(there.size).toBeGreaterThanOrEqual(accepted);
  expect(there.size).toBeLessThan(20);
});

const connections = async (of = sim): Promise<{ opened: number; open: number }> =>
  await (await fetch(`${of.base}/v1/connections`, { headers: { authorization: `Bearer ${of.token}` } })).json() as { opened: number; open: number };

it('sends many mails over a few connections, and gives them back when there is no mail', async () => {
  const quiet = await startSim('smtp');
  const line = smtpMail({ name: 'pooled', url: quiet.smtp as string, idleMs: 200 });
  await Promise.all(Array.from({ length: 60 }, (_, i) => line.send(mailTo('asha@example.com', `p-${i}`), signal())));
  expect(new Set((await outbox(quiet)).map((m) => m.id)).size).toBe(60);
  const { opened } = await connections(quiet);
  expect(opened).toBeLessThanOrEqual(4);
  for (let i = 0; (await connections(quiet)).open > 0; i++) {
    if (i > 100) throw new Error('a connection without mail stays');
    await systemClock.sleep(50);
  }
  // The next mail has a connection again.
  await line.send(mailTo('asha@example.com', 'p-again'), signal());
  expect((await connections(quiet)).opened).toBe(opened + 1);
  line.close();
  await quiet.stop();
});

it('what is given up before it had a connection is never sent', async () => {
  const slow = await startSim('smtp', ['--slow-ms', '300']);
  const line = smtpMail({ name: 'slow', url: slow.smtp as string });
  const ending = new AbortController();
  const first = Array.from({ length: 4 }, (_, i) => line.send(mailTo('asha@example.com', `s-${i}`), signal()));
  const waiting = Array.from({ length: 8 }, (_, i) => line.send(mailTo('asha@example.com', `w-${i}`), ending.signal));
  const given = Promise.allSettled(waiting);
  await systemClock.sleep(100);
  ending.abort();
  expect((await given).map((g) => g.status)).toEqual(Array.from({ length: 8 }, () => 'rejected'));
  await Promise.all(first);
  await line.send(mailTo('asha@example.com', 's-last'), signal());
  expect((await outbox(slow)).map((m) => m.id).filter((id) => id.startsWith('<w-'))).toEqual([]);
  line.close();
  await slow.stop();
});
