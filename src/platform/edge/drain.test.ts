import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { systemClock, type Authenticator } from '#kernel';
import { house, probe, testTenants, type House } from '#test';
import { STREAMS_PER_SESSION_MAX } from './service/stream.ts';

const alone = { transport: 'http', tenants: testTenants.slice(0, 1) } as const;
const connectionsOf = (own: House): Promise<number> => promisify(own.program.edge.app.server.getConnections.bind(own.program.edge.app.server))();

it('a client that leaves while its stream is still let in takes no stream of its session with it', async () => {
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => { open = resolve; });
  let waiting = 0;
  // As one that asks the database for the session.
  const slow: Authenticator = { name: 'probe.slow', async authenticate(_, { headers }) {
    if (headers['x-probe-slow'] === undefined) return undefined;
    waiting += 1;
    await gate;
    return { actor: { kind: 'person', id: 'a'.repeat(32) as never, session: 'b'.repeat(32) as never }, bySecret: 'header' };
  } };
  const own = await house({ ...alone, add: [probe({ authenticators: [slow] })] });
  const sockets = Array.from({ length: STREAMS_PER_SESSION_MAX }, () => {
    const socket = connect(own.program.port, '127.0.0.1', () =>
      socket.write('GET /probe/changes HTTP/1.1\r\nhost: india.localhost\r\nx-probe-slow: 1\r\n\r\n'));
    return socket;
  });
  while (waiting < sockets.length) await systemClock.sleep(5);
  for (const socket of sockets) socket.destroy();
  while (await connectionsOf(own) > 0) await systemClock.sleep(5);
  open();
  await own.request({ path: '/healthz' });
  const stream = own.request({ path: '/probe/changes', headers: { 'x-probe-slow': '1' } });
  while (waiting <= sockets.length) await systemClock.sleep(5);
  await own.request({ path: '/healthz' });
  await own.program.edge.drain();
  expect(await stream).toMatchObject({ status: 200, text: 'retry: 3000\n\n' });
  await own.stop();
});

it('an answer that waits for a hook is sent once, and whole', async () => {
  const sent: number[] = [];
  const own = await house({ ...alone, more: (app) => void app.addHook('onSend', async (_, reply, payload) => {
    await systemClock.sleep(20);
    sent.push(reply.statusCode);
    return payload;
  }) });
  const { bearer } = await own.signIn();
  sent.length = 0;
  const [known, unknown] = await Promise.all([own.request({ path: '/api/session', bearer }), own.request({ path: '/api/session', bearer: 'x' })]);
  expect(known.status).toBe(200);
  expect(known.json<{ session: string }>().session).toMatch(/^ses_/);
  expect(unknown.json()).toMatchObject({ status: 401, type: '/problems/signed-out' });
  expect(sent.toSorted((a, b) => a - b)).toEqual([200, 401]);
  await own.stop();
});

describe('a drain', () => {
  it('finishes open requests, ends streams, refuses new connections and does not linger', async () => {
    const own = await house({ ...alone, add: [probe()] });
    const who = await own.signIn();
    const streaming = own.request({ path: '/probe/changes', bearer: who.bearer });
    const su = own.sql('IN', 'superuser');
    // Seen from outside at once, unlike a row: a sequence is outside of transactions.
    await su(`create sequence probe.begun;
      create function probe.wait() returns trigger language plpgsql as $$ begin perform nextval('probe.begun'); perform pg_sleep(0.4); return new; end $$;
      create trigger wait before insert on probe.item for each row execute function probe.wait();
      grant usage on sequence probe.begun to public`);
    const held = ['one', 'two'].map((key) => own.request({ path: '/api/probe/one', json: { key, n: 1 } }));
    while (!(await su("select 1 from probe.begun where is_called and last_value = 2")).length) await systemClock.sleep(5);
    const began = systemClock.monotonicMs();
    await own.program.edge.drain();
    expect((await Promise.all(held)).map((a) => [a.status, a.text])).toEqual(held.map(() => [200, expect.any(String)]));
    expect(await streaming).toMatchObject({ status: 200, text: 'retry: 3000\n\n' });
    expect(systemClock.monotonicMs() - began).toBeLessThan(8000);
    await expect(own.request({ path: '/healthz' })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await own.stop();
  });
  it('answers what a connection had begun to ask before, and then closes it; a stream asked for so ends at once', async () => {
    const own = await house({ ...alone, add: [probe()] });
    const who = await own.signIn();
    const body = '{"key":"late","n":1}';
    const half = (head: string, rest: string): { answer: Promise<string>; finish(): void } => {
      let finish = (): void => undefined;
      const answer = new Promise<string>((resolve) => {
        let said = '';
        const socket = connect(own.program.port, '127.0.0.1', () => socket.write(head));
        socket.setEncoding('utf8').on('data', (text: string) => { said += text; }).on('error', () => undefined).on('close', () => resolve(said));
        finish = () => socket.write(rest);
      });
      return { answer, finish };
    };
    const common = `host: india.localhost\r\nauthorization: Bearer ${who.bearer}\r\n`;
    const asked = half(`POST /api/probe/one HTTP/1.1\r\n${common}content-type: application/json\r\n`, `content-length: ${body.length}\r\n\r\n${body}`);
    const stream = half(`GET /probe/changes HTTP/1.1\r\n${common}`, '\r\n');
    await own.request({ path: '/healthz' });
    const drained = own.program.edge.drain();
    asked.finish();
    stream.finish();
    const began = systemClock.monotonicMs();
    await drained;
    expect(systemClock.monotonicMs() - began).toBeLessThan(8000);
    expect(await asked.answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n/i);
    expect(await stream.answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*retry: 3000/);
    await own.stop();
  });
  it('says nothing more on a stream that it has ended, whose reader has not had all yet', async () => {
    const own = await house({ ...alone, add: [probe()] });
    const who = await own.signIn();
    const { app, hub } = own.program.edge;
    const errors: Error[] = [];
    app.server.on('request', (_, answer) => answer.on('error', (e) => errors.push(e)));
    const [accepted, reader] = await Promise.all([
      once(app.server, 'connection').then(([socket]) => socket as Socket),
      new Promise<Socket>((resolve) => {
        const socket = connect(own.program.port, '127.0.0.1', () => resolve(socket));
      }),
    ]);
    reader.write(`GET /probe/changes HTTP/1.1\r\nhost: india.localhost\r\nauthorization: Bearer ${who.bearer}\r\n\r\n`);
    let said = '';
    reader.setEncoding('utf8');
    while (!said.includes('retry')) {
      await once(reader, 'readable');
      said += String(reader.read() ?? '');
    }
    const hint = (key: string): void => hub.publish({ topic: `person ${who.person}`, id: key, version: 1 });
    for (let i = 0; i < 2000 && accepted.writableLength === 0; i++) {
      hint('x'.repeat(50_000));
      await systemClock.sleep(1);
    }
    expect(accepted.writableLength).toBeGreaterThan(0);
    const drained = own.program.edge.drain();
    hint('too late');
    const ended = once(reader, 'end');
    reader.on('data', (text: string) => { said += text; });
    await Promise.all([drained, ended]);
    expect(said).toContain('xxx');
    expect(said).not.toContain('too late');
    expect(errors).toEqual([]);
    await own.stop();
  });
});
