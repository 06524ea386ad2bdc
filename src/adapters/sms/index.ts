import type { TextMessage, TextMessages, TextResult } from '#spine/identity/port';

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

/** A provider reached over HTTP: `POST <base>/v1/messages` with our key, `GET <base>/v1/messages/by-key/<key>` to ask what became of it. */
export function httpMessages(options: { base: string; token: string }): TextMessages {
  const headers = { authorization: `Bearer ${options.token}`, 'content-type': 'application/json' };
  return {
    name: 'http',
    async send(message, signal) {
      const answer = await fetch(`${options.base}/v1/messages`, {
        method: 'POST', headers: { ...headers, 'idempotency-key': message.key }, body: JSON.stringify({ to: message.to, text: message.text }), signal,
        redirect: 'error',
      });
      if (answer.status === 202) return { state: 'accepted', providerId: ((await answer.json()) as { id: string }).id };
      await answer.body?.cancel();
      // Only an answer that says so in the 4xx class is a refusal; anything else leaves the outcome open.
      if (answer.status >= 400 && answer.status < 500 && ![401, 408, 429].includes(answer.status)) return { state: 'refused',
        reason: `status ${answer.status}` };
      throw new Error(`the provider answered ${answer.status}`);
    },
    async inquire(key, signal) {
      const answer = await fetch(`${options.base}/v1/messages/by-key/${encodeURIComponent(key)}`, { headers, signal, redirect: 'error' });
      if (answer.status === 200) return { state: 'accepted', providerId: ((await answer.json()) as { id: string }).id };
      await answer.body?.cancel();
      if (answer.status === 404) return 'not-found';
      throw new Error(`the provider answered ${answer.status}`);
    },
  };
}
