import { createPublicKey, verify } from 'node:crypto';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { restMs, systemClock } from '#kernel';
import { BREAKER, LADDER_SECONDS } from './contract.ts';
import { filtersFor, givenUp, isPublic, newSecret, nextTry, retryAfter, signature, signingKey, urlFault } from './rules.ts';

const ID = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
const SECONDS = 1_614_265_330;
const BODY = Buffer.from('{"test": 2432232314}');

describe('a signature', () => {
  it('is byte for byte that of the reference library’s test (v1)', () => {
    expect(signature(signingKey('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), ID, SECONDS, BODY)).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });
  it('is byte for byte that of the only public vector of v1a', () => {
    const key = signingKey('whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==');
    expect(signature(key, ID, SECONDS, BODY)).toBe('v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==');
  });
  it('of every body is one that the official library takes, and of a changed body it is not', () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), fc.uint8Array({ minLength: 32, maxLength: 32 }), (text, random) => {
      const { secret } = newSecret('v1', Buffer.from(random));
      const seconds = Math.floor(systemClock.now().getTime() / 1000);
      const body = JSON.stringify({ text });
      const headers = { 'webhook-id': 'evt_1', 'webhook-timestamp': String(seconds), 'webhook-signature': signature(signingKey(secret), 'evt_1', seconds,
        Buffer.from(body)) };
      expect(new Webhook(secret).verify(body, headers)).toEqual({ text });
      expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow();
    }));
  });
  it('of v1a is one that the public key takes', () => {
    const { secret, publicKey } = newSecret('v1a', Buffer.alloc(32, 5));
    const raw = Buffer.from((publicKey ?? '').replace('whpk_', ''), 'base64');
    const key = createPublicKey({ key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]), format: 'der', type: 'spki' });
    const [, text = ''] = signature(signingKey(secret), ID, SECONDS, BODY).split(',');
    expect(verify(null, Buffer.concat([Buffer.from(`${ID}.${SECONDS}.`), BODY]), key, Buffer.from(text, 'base64'))).toBe(true);
  });
  it('is made with no secret that is too short or of another kind', () => {
    for (const bad of ['', 'whsec_', 'whsec_AAAA', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsk_AAAA', 'whpk_AAAA']) expect(() => signingKey(bad),
      bad).toThrow(RangeError);
  });
});

describe('an address', () => {
  it('that is not public is refused, whatever form it is written in', () => {
    const bad = ['127.0.0.1', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '0.0.0.0', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1',
      '169.254.169.254',
      '100.64.0.1', '192.0.2.1', '198.18.0.1', '198.51.100.1', '203.0.113.1', '224.0.0.1', '240.0.0.1', '255.255.255.255', '[::1]', '[::]', '[fe80::1]',
        '[fc00::1]',
      '[ff02::1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]', '[2001::1]', '[2001:db8::1]', 'localhost', 'x.localhost',
        'db.internal',
      'printer.local', 'intranet'];
    expect(bad.length).toBeGreaterThan(26);
    for (const host of bad) expect(urlFault(`https://${host}/hook`, false), host).toBeDefined();
    for (const host of ['93.184.216.34', '[2606:2800:220:1::1]', 'hooks.example.com', 'xn--bcher-kva.example']) expect(urlFault(`https://${host}/hook`,
      false), host).toBeUndefined();
    for (const url of ['http://hooks.example.com/', 'ftp://x.example/', 'https://user:pw@x.example/', 'https://x.example/#y', 'file:///etc/passwd',
      'https://', 'x']) {
      expect(urlFault(url, false), url).toBeDefined();
    }
  });
  it('on loopback is for a demo only', () => {
    expect([isPublic('127.0.0.1', true), isPublic('127.0.0.1', false), isPublic('10.0.0.1', true), isPublic('nonsense', true)]).toEqual([true, false, false,
      false]);
    expect(urlFault('http://127.0.0.1:9000/', true)).toBeUndefined();
  });
});

describe('the next try', () => {
  const now = new Date('2026-11-21T08:00:00Z');
  it('follows the ladder within a fifth, and ends after the tenth', () => {
    for (const [i, base] of LADDER_SECONDS.entries()) {
      const seconds = [0, 0.5, 0.999_999].map((unit) => ((nextTry(i + 1, now, unit, undefined) as Date).getTime() - now.getTime()) / 1000);
      expect(seconds[0]).toBeCloseTo(base * 0.8, 3);
      expect(seconds[1]).toBeCloseTo(base, 3);
      expect(seconds[2]).toBeLessThanOrEqual(base * 1.2);
    }
    expect(nextTry(LADDER_SECONDS.length + 1, now, 0.5, undefined)).toBeUndefined();
  });
  it('waits as long as it is asked to, up to a day, and is never brought forward', () => {
    expect(nextTry(1, now, 0.5, 120)?.getTime()).toBe(now.getTime() + 120_000);
    expect(nextTry(1, now, 0.5, 10_000_000)?.getTime()).toBe(now.getTime() + 86_400_000);
    expect(nextTry(3, now, 0.5, 1)?.getTime()).toBe(now.getTime() + 1_800_000);
  });
  it('reads Retry-After as number, fraction and date', () => {
    expect([retryAfter('120', now), retryAfter('120.1', now), retryAfter('Sat, 21 Nov 2026 08:02:00 GMT', now), retryAfter('Sat, 21 Nov 2026 07:00:00 GMT',
      now)]).toEqual([120, 121, 120, 0]);
    for (const text of [undefined, '', '-1', 'soon', '1e9', '2026-11-21', '99999999999999']) expect(retryAfter(text, now), text).toBeUndefined();
  });
  it('rests an endpoint longer each time, and gives up only on many failures and days together', () => {
    expect([0, 1, 2, 50].map((more) => restMs(BREAKER.after + more, BREAKER))).toEqual([30_000, 60_000, 120_000, 600_000]);
    const days = (n: number): Date => new Date(now.getTime() - n * 86_400_000);
    expect([[20, 5], [19, 30], [5000, 4.9]].map(([failures = 0, n = 0]) => givenUp({ failures, firstFailureAt: days(n) }, now))).toEqual([true, false, false]);
  });
  it('is for events that a filter names', () => {
    expect(filtersFor('wallet.payment-made')).toEqual(['*', 'wallet.*', 'wallet.payment-made']);
  });
});
