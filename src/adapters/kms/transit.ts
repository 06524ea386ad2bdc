import { noBreaker, systemClock, Unavailable, type Breaker } from '#kernel';
import type { Kek } from '#spine/vault/port';

export interface TransitOptions {
  /** Base address with the engine's mount, such as `https://vault.example:8200/v1/transit`. */
  readonly base: string;
  /** Name of the key at the service: AES-256-GCM, not derived. */
  readonly key: string;
  readonly token: string;
  /** Namespace at the service, where it has any. */
  readonly namespace?: string | undefined;
  readonly breaker?: Breaker;
}

const ANSWER_MS_MAX = 3000;
/** Waits before each further try; wrapping and unwrapping change nothing at the service, so they may be asked again. */
const AGAIN_MS = [50, 250, 1000];
const ANSWER_BYTES_MAX = 64 * 1024;

const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64');

/** An answer that another try may change: too busy, sealed, restarting. */
const passing = (status: number): boolean => status === 429 || status >= 500;

interface Answer { readonly status: number; readonly text: string }

async function ask(o: TransitOptions, what: 'encrypt' | 'decrypt', body: Record<string, string>): Promise<Answer> {
  const answer = await fetch(`${o.base.replace(/\/$/, '')}/${what}/${encodeURIComponent(o.key)}`, {
    method: 'POST', redirect: 'error', signal: AbortSignal.timeout(ANSWER_MS_MAX), body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', 'x-vault-token': o.token, ...(o.namespace ? { 'x-vault-namespace': o.namespace } : {}) },
  });
  return { status: answer.status, text: await answer.text() };
}

/** The last answer; throws Unavailable when there is none after the last try. */
async function askAgain(o: TransitOptions, what: 'encrypt' | 'decrypt', body: Record<string, string>): Promise<Answer> {
  for (let tries = 0; ; tries++) {
    const wait = AGAIN_MS[tries];
    try {
      const answer = await ask(o, what, body);
      if (wait === undefined || !passing(answer.status)) return answer;
    } catch (error) {
      // No answer at all is a TypeError of fetch or the time-out.
      const unreachable = error instanceof TypeError || (error instanceof Error && error.name === 'TimeoutError');
      if (!unreachable) throw error;
      if (wait === undefined) throw new Unavailable('the key service cannot be reached', error);
    }
    await systemClock.sleep(wait);
  }
}

/** All tries of one request are one piece of work for the breaker: a service that restarts within them has not been away. */
async function dataOf(o: TransitOptions, what: 'encrypt' | 'decrypt', body: Record<string, string>): Promise<Record<string, unknown>> {
  const { status, text } = await (o.breaker ?? noBreaker).run(() => askAgain(o, what, body), (answer) => answer.status >= 500);
  if (passing(status)) throw new Unavailable(`the key service answered ${status}`);
  // Its words are not repeated: they may quote what was sent.
  if (status < 200 || status > 299 || text.length > ANSWER_BYTES_MAX) throw new Error(`the key service refused to ${what}: ${status}`);
  return (JSON.parse(text) as { data: Record<string, unknown> }).data;
}

/**
 * A key-encryption key at a service with the Transit API of HashiCorp Vault (and of OpenBao): `POST <base>/encrypt/<key>` and `/decrypt/<key>`,
 * the context as associated data. The key never leaves the service; older versions of it still unwrap. Throws Unavailable when the
 * service cannot be reached after four tries (NotSent while it is left alone), and Error when it refuses.
 */
export function transitKek(o: TransitOptions): Kek {
  return {
    keyId: `transit:${new URL(o.base).pathname.replace(/^\/v1\//, '').replace(/\/$/, '')}/${o.key}`,
    async wrap(plain, context) {
      const { ciphertext } = await dataOf(o, 'encrypt', { plaintext: base64(plain), associated_data: base64(context) });
      if (typeof ciphertext !== 'string' || !/^vault:v\d+:/.test(ciphertext)) throw new Error('the key service answered without a ciphertext');
      return ciphertext;
    },
    async unwrap(wrapped, context) {
      const { plaintext } = await dataOf(o, 'decrypt', { ciphertext: wrapped, associated_data: base64(context) });
      if (typeof plaintext !== 'string') throw new Error('the key service answered without a plaintext');
      return Buffer.from(plaintext, 'base64');
    },
  };
}
