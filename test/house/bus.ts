import { spawn, type ChildProcess } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '#kernel';
import type { Bus } from '#spine/events/port';

/** A port of loopback that nobody has at this moment. */
export const freePort = (): Promise<number> => new Promise((done) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address() as { port: number };
    server.close(() => done(port));
  });
});

/** A server of the test's own: ended by its process id. Resolves when its port answers. */
export async function ownServer(command: string, args: (port: number) =>
  readonly string[]): Promise<{ port: number; process: ChildProcess; stop(): Promise<void> }> {
  const port = await freePort();
  const child = spawn(command, args(port), { stdio: 'ignore' });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  for (let i = 0; i < 200; i++) {
    const open = await new Promise<boolean>((done) => {
      const socket = connect(port, '127.0.0.1', () => done(true));
      socket.once('connect', () => socket.destroy());
      socket.once('error', () => done(false));
    });
    if (open) return { port, process: child, stop: async () => { child.kill('SIGKILL'); await ended; } };
    await systemClock.sleep(25);
  }
  throw new Error(`${command} does not answer`);
}

/** What every bus must do, whatever carries it. `open` makes another one on the same server, as another process does. */
export function busConforms(name: string, open: () => Bus | Promise<Bus>): void {
  describe(`a bus over ${name}`, () => {
    let one: Bus, two: Bus;
    const ending = new AbortController();
    const heard: Record<string, string[]> = { here: [], there: [], other: [] };
    const running: Promise<void>[] = [];
    beforeAll(async () => {
      [one, two] = [await open(), await open()];
      process.stdout.write(`bus: ${await one.version()}\n`);
      const listen = (bus: Bus, channel: string, to: string): Promise<void> =>
        new Promise((ready) => { running.push(bus.listen(channel, (text) => heard[to]?.push(text), ready, ending.signal)); });
      await Promise.all([listen(one, 'c', 'here'), listen(two, 'c', 'there'), listen(two, 'd', 'other')]);
      // Ready says that it hears; a server may take a moment to know it.
      await systemClock.sleep(50);
    });
    afterAll(async () => {
      ending.abort();
      await Promise.all(running);
      await Promise.all([one.close(), two.close()]);
    });
    it('says what carries it, and in which version', async () => {
      expect(await one.version()).toMatch(/\d|in process/);
    });
    it('carries hints to every listener of a channel, in their order, and to no other', async () => {
      await one.publish('c', ['a 1', 'a 2', 'ü']);
      await two.publish('c', ['b']);
      await expect.poll(() => [heard.here?.length, heard.there?.length]).toEqual([4, 4]);
      for (const to of ['here', 'there']) expect(heard[to]?.filter((t) => t !== 'b')).toEqual(['a 1', 'a 2', 'ü']);
      expect(heard.other).toEqual([]);
    });
    it('carries a thousand together', async () => {
      await one.publish('d', Array.from({ length: 1000 }, (_, i) => `hint ${i} ${'x'.repeat(150)}`));
      await expect.poll(() => heard.other?.length, { timeout: 5000 }).toBe(1000);
      expect(new Set(heard.other).size).toBe(1000);
    });
    it('stops hearing when it is told to', async () => {
      const stop = new AbortController();
      const seen: string[] = [];
      await new Promise<void>((ready) => { running.push(two.listen('e', (t) => void seen.push(t), ready, stop.signal)); });
      await systemClock.sleep(50);
      await one.publish('e', ['first']);
      await expect.poll(() => seen).toEqual(['first']);
      stop.abort();
      await systemClock.sleep(50);
      await one.publish('e', ['second']);
      await systemClock.sleep(100);
      expect(seen).toEqual(['first']);
    });
  });
}
