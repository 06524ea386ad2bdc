import { createHmac, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';

/** The one source of randomness. Verbs take it from `tx.random`; tests seed it. */
export interface Random {
  /** `n` unpredictable bytes. */
  bytes(n: number): Buffer;
  /** As many unpredictable hexadecimal digits, in lower case. */
  hex(digits: number): string;
  /** A whole number 0 ≤ x < `below` (≤ 2³²), without modulo bias. */
  int(below: number): number;
  /** A number 0 ≤ x < 1 with 32 bits of resolution. */
  unit(): number;
}

function from(bytes: (n: number) => Buffer, hex = (digits: number): string => bytes(Math.ceil(digits / 2)).toString('hex').slice(0, digits)): Random {
  return {
    bytes, hex,
    int(below) {
      if (!Number.isSafeInteger(below) || below < 1 || below > 2 ** 32) throw new RangeError(`below: ${below}`);
      const limit = Math.floor(2 ** 32 / below) * below;
      for (;;) {
        const x = bytes(4).readUInt32BE();
        if (x < limit) return x % below;
      }
    },
    unit: () => bytes(4).readUInt32BE() / 2 ** 32,
  };
}

const POOL_BYTES = 8192;
let pool = Buffer.alloc(0);

/** Digits as one text: an id is a piece of it, which costs a sixth of what it costs to write bytes out. */
let digitsLeft = '';
let digitAt = 0;

function poolHex(digits: number): string {
  if (digitAt + digits > digitsLeft.length) [digitsLeft, digitAt] = [randomBytes(Math.max(POOL_BYTES, digits)).toString('hex'), 0];
  const part = digitsLeft.slice(digitAt, digitAt + digits);
  digitAt += digits;
  return part;
}

/** The operating system's generator, read in blocks so that an id does not cost a system call. */
export const systemRandom: Random = from((n) => {
  if (n > POOL_BYTES) return randomBytes(n);
  if (pool.length < n) pool = randomBytes(POOL_BYTES);
  const part = Buffer.from(pool.subarray(0, n));
  pool = pool.subarray(n);
  return part;
}, poolHex);

/** A repeatable stream for tests and simulations: HMAC-SHA-256 of a counter under the seed. Never for secrets. */
export function seededRandom(seed: string): Random {
  const key: KeyObject = createSecretKey(Buffer.from(`exchequer:${seed}`));
  let counter = 0;
  let rest = Buffer.alloc(0);
  return from((n) => {
    while (rest.length < n) rest = Buffer.concat([rest, createHmac('sha256', key).update(String(counter++)).digest()]);
    const part = rest.subarray(0, n);
    rest = rest.subarray(n);
    return part;
  });
}
