import { describe, expect, it } from 'vitest';
import type { TextMessages } from '#spine/identity/port';

/** What every adapter behind the port of text messages must do; `delivered` counts what reached phones. */
export function textMessagesConform(name: string, open: () => { messages: TextMessages; delivered: () => Promise<readonly { to: string; text: string }[]> }): void {
  describe(`text messages over ${name}`, () => {
    const signal = (): AbortSignal => AbortSignal.timeout(5000);
    const message = (key: string, to = '+91 00000 77777'): { to: string; text: string; key: string } => ({ to, text: `Hello ${key}`, key });

    it('take a message once, however often it is sent with one key', async () => {
      const { messages, delivered } = open();
      const sent = await Promise.all(Array.from({ length: 10 }, () => messages.send(message('conform-once'), signal())));
      expect(new Set(sent.map((r) => (r.state === 'accepted' ? r.providerId : 'refused'))).size).toBe(1);
      expect((await delivered()).filter((m) => m.text === 'Hello conform-once')).toEqual([expect.objectContaining({ to: '+91 00000 77777' })]);
    });
    it('know a key that they took, and only that', async () => {
      const { messages } = open();
      const sent = await messages.send(message('conform-known'), signal());
      expect(await messages.inquire('conform-known', signal())).toEqual(sent);
      for (const key of ['conform-unknown', 'conform-kn', '../conform-known', 'a/b?c#d %']) expect(await messages.inquire(key, signal()), key).toBe('not-found');
    });
    it('refuse a number that cannot be, and keep no trace of it', async () => {
      const { messages, delivered } = open();
      for (const to of ['12345', '', '+', '+91 abcdef', '+91\r\nX: y 5']) {
        expect(await messages.send(message(`conform-bad-${to.length}`, to), signal()), to).toMatchObject({ state: 'refused' });
        expect(await messages.inquire(`conform-bad-${to.length}`, signal())).toBe('not-found');
      }
      expect((await delivered()).filter((m) => m.text.startsWith('Hello conform-bad'))).toEqual([]);
    });
    it('carry every script as it is', async () => {
      const { messages, delivered } = open();
      await messages.send({ ...message('conform-script'), text: 'आपका कोड १२३ ✓ “x”' }, signal());
      expect((await delivered()).some((m) => m.text === 'आपका कोड १२३ ✓ “x”')).toBe(true);
    });
  });
}
