import { Pool } from 'undici';
import type { TextMessage, TextMessages, TextResult } from '#spine/identity/port';

/** A code is told to nobody; what became of a notice is. */
type Text = TextMessage & { readonly receipts?: string };

/** Keeps messages in this process and sends nothing; for tests. */
export function memoryMessages(): TextMessages & { readonly sent: readonly TextMessage[] } {
  const sent: TextMessage[] = [];
  const found = (key: string): TextResult | 'not-found' => {
    const at = sent.findIndex((m) => m.key === key);
    return at < 0 ? 'not-found' : { state: 'accepted', providerId: `mem-${at}` };
  };
  return {
    name: 'memory', sent,
    send: async (message) => {
      const known = found(message.key);
      if (known !== 'not-found') return known;
      if (!/^\+[0-9 ]{6,20}$/.test(message.to)) return { state: 'refused', reason: 'number' };
      sent.push(message);
      return { state: 'accepted', providerId: `mem-${sent.length - 1}` };
    },
    inquire: async (key) => found(key),
  };
}

/** Messages under way to a provider at once. */
const CONNECTIONS_MAX = 64;

/**
 * A provider reached over HTTP: `POST <base>/v1/messages` with our key and where receipts go (`callback`), and
 * `GET <base>/v1/messages/by-key/<key>` to ask what became of it.
 */
export function httpMessages(options: { base: string; token: string }): TextMessages {
  const { origin, pathname } = new URL(options.base);
  // Redirects are not followed: a code goes to the provider that was named, or nowhere.
  const pool = new Pool(origin, { connections: CONNECTIONS_MAX });
  const headers = { authorization: `Bearer ${options.token}`, 'content-type': 'application/json' };
  const path = (rest: string): string => `${pathname.replace(/\/$/, '')}/v1/messages${rest}`;
  return {
    name: 'http',
    async send(message: Text, signal) {
      const { statusCode, body } = await pool.request({
        path: path(''), method: 'POST', headers: { ...headers, 'idempotency-key': message.key }, signal,
        body: JSON.stringify({ to: message.to, text: message.text, ...(message.receipts ? { callback: message.receipts } : {}) }),
      });
      if (statusCode === 202) return { state: 'accepted', providerId: ((await body.json()) as { id: string }).id };
      await body.dump();
      // Only an answer that says so in the 4xx class is a refusal; anything else leaves the outcome open.
      if (statusCode >= 400 && statusCode < 500 && ![401, 408, 429].includes(statusCode)) return { state: 'refused', reason: `status ${statusCode}` };
      throw new Error(`the provider answered ${statusCode}`);
    },
    async inquire(key, signal) {
      const { statusCode, body } = await pool.request({ path: path(`/by-key/${encodeURIComponent(key)}`), method: 'GET', headers, signal });
      if (statusCode === 200) return { state: 'accepted', providerId: ((await body.json()) as { id: string }).id };
      await body.dump();
      if (statusCode === 404) return 'not-found';
      throw new Error(`the provider answered ${statusCode}`);
    },
  };
}

/**
 * A provider of the other common kind: fields instead of JSON, name and password instead of a token, our key as `Reference`,
 * where receipts go as `StatusCallback`.
 * `POST <base>/messages`, `GET <base>/messages?Reference=<key>`.
 */
export function formMessages(options: { base: string; account: string; secret: string }): TextMessages {
  const { origin, pathname } = new URL(options.base);
  const pool = new Pool(origin, { connections: CONNECTIONS_MAX });
  const headers = { authorization: `Basic ${Buffer.from(`${options.account}:${options.secret}`).toString('base64')}` };
  const path = `${pathname.replace(/\/$/, '')}/messages`;
  const open = (status: number): Error => new Error(`the provider answered ${status}`);
  return {
    name: 'form',
    async send(message: Text, signal) {
      const { statusCode, body } = await pool.request({
        path, method: 'POST', headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' }, signal,
        body: new URLSearchParams({ To: message.to, Body: message.text, Reference: message.key,
          ...(message.receipts ? { StatusCallback: message.receipts } : {}) }).toString(),
      });
      if (statusCode === 201) return { state: 'accepted', providerId: ((await body.json()) as { sid: string }).sid };
      await body.dump();
      if (statusCode === 400 || statusCode === 422) return { state: 'refused', reason: `status ${statusCode}` };
      throw open(statusCode);
    },
    async inquire(key, signal) {
      const { statusCode, body } = await pool.request({ path: `${path}?${new URLSearchParams({ Reference: key }).toString()}`, method: 'GET', headers,
        signal });
      if (statusCode !== 200) {
        await body.dump();
        throw open(statusCode);
      }
      const [found] = ((await body.json()) as { messages: { sid: string }[] }).messages;
      return found ? { state: 'accepted', providerId: found.sid } : 'not-found';
    },
  };
}
