import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { natsBus } from '#adapters/nats';
import { redisBus } from '#adapters/redis-bus';
import { memoryBus, notifyBus } from '#spine/events';
import { busConforms, has, house, ownServer, type House } from '#test';

const memory = memoryBus();
busConforms('this process', () => memory);

describe('on a database', () => {
  let h: House;
  beforeAll(async () => { h = await house({ serve: ['IN'] }); });
  afterAll(() => h.stop());
  busConforms('NOTIFY', () => notifyBus(h.anotherCell()));
});

describe.runIf(has('redis-server'))('on Redis', () => {
  let server: Awaited<ReturnType<typeof ownServer>>;
  beforeAll(async () => { server = await ownServer('redis-server', (port) => ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly',
    'no']); });
  afterAll(() => server.stop());
  busConforms('Redis', () => redisBus(`redis://127.0.0.1:${server.port}`));
  it('says that it was lost when its server goes', async () => {
    const own = await ownServer('redis-server', (port) => ['--port', String(port), '--bind', '127.0.0.1', '--save', '']);
    const bus = redisBus(`redis://127.0.0.1:${own.port}`);
    let ready = (): void => undefined;
    const isReady = new Promise<void>((done) => { ready = done; });
    const listening = bus.listen('c', () => undefined, ready, new AbortController().signal);
    listening.catch(() => undefined);
    await isReady;
    await own.stop();
    await expect(listening).rejects.toThrow();
    await expect(bus.publish('c', ['x'])).rejects.toThrow();
    await bus.close();
  });
});

describe.runIf(has('nats-server'))('on NATS', () => {
  let server: Awaited<ReturnType<typeof ownServer>>;
  beforeAll(async () => { server = await ownServer('nats-server', (port) => ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd',
    `/tmp/exchequer-nats-${port}`]); });
  afterAll(() => server.stop());
  busConforms('NATS JetStream', () => natsBus(`nats://127.0.0.1:${server.port}`));
});
