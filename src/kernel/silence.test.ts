import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectAs, house, type House } from '#test';
import { isLost, OutcomeUnknown, Pool, systemClock, transact } from './index.ts';

let h: House;
let wire: Wire;
beforeAll(async () => {
  h = await house();
  wire = await openWire();
});
afterAll(async () => {
  wire.close();
  await h.stop();
});

/** A network in front of the database that can swallow what is sent, both ways, and say nothing of it. */
interface Wire { readonly port: number; readonly opened: number; swallow(on: boolean): void; close(): void }
async function openWire(): Promise<Wire> {
  const { port } = h.connections[0] as House['connections'][number];
  let swallowing = false;
  let opened = 0;
  const ends = new Set<Socket>();
  const server: Server = createServer((near) => {
    opened += 1;
    const far = connect(port, '127.0.0.1');
    for (const [from, to] of [[near, far], [far, near]] as const) {
      ends.add(from);
      from.on('data', (bytes) => { if (!swallowing) to.write(bytes); });
      from.on('error', () => undefined);
      from.on('close', () => {
        if (!swallowing) to.destroy();
      });
    }
  });
  await new Promise<void>((done) => { server.listen(0, '127.0.0.1', done); });
  return {
    port: (server.address() as AddressInfo).port,
    get opened() { return opened; },
    swallow(on) { swallowing = on; },
    close() {
      server.close();
      for (const end of ends) end.destroy();
    },
  };
}

const pools: Pool[] = [];
afterAll(() => Promise.all(pools.map((pool) => pool.close())));
function through(port: number, max: number): Pool {
  const pool = new Pool({
    connection: { ...connectAs(h.connections[0] as House['connections'][number], 'app'), host: '127.0.0.1', port },
    max, waitingMax: 10, onError: () => undefined, silentMs: 300,
  });
  pools.push(pool);
  return pool;
}

describe('a database that answers nothing', () => {
  it('and ends nothing is gone for all who wait, and for who listens; when it answers again so does the pool', async () => {
    const pool = through(wire.port, 4);
    const ending = new AbortController();
    const listening = pool.listen('silence', () => undefined, ending.signal).then(() => undefined, (error: unknown) => error);
    await pool.ping();
    wire.swallow(true);
    const began = systemClock.monotonicMs();
    const waits = await Promise.allSettled([1, 2].map(() => pool.with((c) => c.query('select 1'))));
    expect(waits.map((w) => w.status === 'rejected' && isLost(w.reason))).toEqual([true, true]);
    expect(isLost(await listening)).toBe(true);
    expect(systemClock.monotonicMs() - began).toBeLessThan(10_000);
    wire.swallow(false);
    await pool.ping();
    ending.abort();
  });

  it('of a COMMIT leaves the outcome unknown', async () => {
    const pool = through(wire.port, 2);
    await pool.ping();
    const committing = transact(h.cell(), pool, [{ tenant: h.tenant(), run: async (tx) => {
      await tx.sql`select 1`;
      wire.swallow(true);
    } }]);
    await expect(committing).rejects.toBeInstanceOf(OutcomeUnknown);
    wire.swallow(false);
  });

  it('for long, but is there for somebody new, is waited for', async () => {
    const pool = through(wire.port, 2);
    const before = wire.opened;
    expect((await pool.with((c) => c.query('select pg_sleep(1.2)::text as done'))).rows).toEqual([{ done: '' }]);
    // Itself, and those by which was asked: each 300 ms, and not at each look.
    expect(wire.opened - before).toBeGreaterThanOrEqual(3);
    expect(wire.opened - before).toBeLessThanOrEqual(5);
  });
});
