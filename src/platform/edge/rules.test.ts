import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JSON_DEPTH_MAX } from '#kernel';
import { FORM_FIELDS_MAX } from './contract.ts';
import {
  bodyHash, BodyFault, callerAddress, claimScope, formFields, isIdempotencyKey, parseCookies, plainAddress, safeReturn, sameOrigin, sitePath, strictJson,
  tenantPath, traceOf, utf8Text,
} from './rules.ts';

const clean = (value: unknown): boolean => JSON.stringify(value) !== undefined && !/"(?:__proto__|constructor|prototype)":/.test(JSON.stringify(value));

describe('strict JSON', () => {
  it('reads what JSON.parse reads, and throws nothing but BodyFault', () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 6 }).filter(clean), (value) => {
      expect(strictJson(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }));
    fc.assert(fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\', 'a', '1', ' ') })), (text) => {
      try {
        strictJson(text);
      } catch (error) {
        expect(error).toBeInstanceOf(BodyFault);
      }
    }), { numRuns: 500 });
  });
  it('refuses a key that stands twice anywhere, however it is spelled', () => {
    const key = fc.string({ minLength: 1, maxLength: 5 }).filter((k) => !['__proto__', 'constructor', 'prototype'].includes(k));
    const escaped = (k: string): string => `"${[...k].map((c) =>
      [...Array(c.length).keys()].map((i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')).join('')}"`;
    fc.assert(fc.property(key, fc.constantFrom('%', '[%]', '{"x9":%}', '[{},"a",%]', '{"x9":[],"y9":{"z9":%}}'), (k, around) => {
      expect(() => strictJson(around.replace('%', () => `{${JSON.stringify(k)}:1,${escaped(k)}:2}`))).toThrow('twice');
      expect(() => strictJson(around.replace('%', () => `[{${JSON.stringify(k)}:1},{${escaped(k)}:2}]`))).not.toThrow();
    }));
    expect(strictJson('{"a":{"b":1},"b":[{"a":"}{\\"a"}]}')).toBeTruthy();
  });
  it('refuses prototype names at any depth', () => {
    for (const name of ['__proto__', 'constructor', 'prototype', '\\u005f_proto__']) {
      for (const text of [`{"${name}":1}`, `[{"a":{"${name}":{"admin":true}}}]`]) expect(() => strictJson(text), text).toThrow(BodyFault);
    }
    expect(strictJson('["__proto__","constructor"]')).toEqual(['__proto__', 'constructor']);
  });
  it(`nests ${JSON_DEPTH_MAX} deep and no deeper`, () => {
    const nested = (n: number): string => '['.repeat(n) + ']'.repeat(n);
    expect(() => strictJson(nested(JSON_DEPTH_MAX))).not.toThrow();
    expect(() => strictJson(nested(JSON_DEPTH_MAX + 1))).toThrow('deeper');
    expect(() => strictJson('['.repeat(60_000))).toThrow(BodyFault);
    expect(() => strictJson(nested(30_000))).toThrow(BodyFault);
  });
});

it('bytes that are not UTF-8 are refused', () => {
  for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0x61, 0xc0, 0xaf]]) expect(() =>
    utf8Text(Uint8Array.from(bytes))).toThrow(BodyFault);
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }).filter((s) => !s.startsWith('\ufeff')), (s) => { expect(utf8Text(Buffer.from(s))).toBe(s); }));
});

it('form fields come once each, with values as typed, and never as properties of Object', () => {
  fc.assert(fc.property(fc.dictionary(fc.string({ minLength: 1 }).filter((k) => !['__proto__', 'constructor', 'prototype'].includes(k)),
    fc.string({ unit: 'grapheme' }), { maxKeys: 20 }), (fields) => {
    expect({ ...formFields(new URLSearchParams(fields).toString()) }).toEqual(Object.fromEntries(new URLSearchParams(new URLSearchParams(fields).toString())));
  }));
  for (const bad of ['a=1&a=2', '__proto__=1', 'constructor=x', Array.from({ length: FORM_FIELDS_MAX + 1 }, (_, i) => `f${i}=1`).join('&')]) expect(() =>
    formFields(bad)).toThrow(BodyFault);
  expect(formFields('toString=1').toString).toBe('1');
  expect('hasOwnProperty' in formFields('')).toBe(false);
});

describe('cookies', () => {
  it('are read as they were written; one that stands twice counts as none', () => {
    fc.assert(fc.property(fc.dictionary(fc.stringMatching(/^[a-z_]{1,12}$/), fc.stringMatching(/^[A-Za-z0-9_.=-]{0,30}$/)), (cookies) => {
      expect({ ...parseCookies(Object.entries(cookies).map(([k, v]) => `${k}=${v}`).join('; '), false) }).toEqual(cookies);
    }));
    expect({ ...parseCookies('a=1; b=2; a=3', false) }).toEqual({ b: '2' });
    fc.assert(fc.property(fc.string(), (junk) => void parseCookies(junk, true)));
    expect(parseCookies(undefined, false)).toEqual(Object.create(null));
    expect('constructor' in parseCookies('x=1', false)).toBe(false);
  });
  it('of a site over TLS count only with the prefix that no other host can set', () => {
    expect({ ...parseCookies('xq_access=planted; __Host-xq_access=ours', true) }).toEqual({ xq_access: 'ours' });
    expect({ ...parseCookies('xq_access=planted', true) }).toEqual({});
    expect({ ...parseCookies('xq_access=ours', false) }).toEqual({ xq_access: 'ours' });
  });
});

it('a trace is 32 hexadecimal digits of a W3C header, not all zero', () => {
  const good = '4bf92f3577b34da6a3ce929d0e0e4736';
  expect(traceOf(`00-${good}-00f067aa0ba902b7-01`)).toBe(good);
  for (const bad of [undefined, [`00-${good}-00f067aa0ba902b7-01`], '', good, `01-${good}-00f067aa0ba902b7-01`,
    `00-${good.toUpperCase()}-00f067aa0ba902b7-01`, `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, `00-${good}-00f067aa0ba902b7-01\r\nx: y`]) {
    expect(traceOf(bad)).toBeUndefined();
  }
  const hex = (n: number): fc.Arbitrary<string> => fc.stringMatching(new RegExp(`^[0-9a-f]{${n}}$`));
  fc.assert(fc.property(hex(32).filter((t) => !/^0+$/.test(t)), hex(16), hex(2), (trace, span, flags) => {
    expect(traceOf(`00-${trace}-${span}-${flags}`)).toBe(trace);
  }));
  fc.assert(fc.property(fc.oneof(fc.string(), fc.string().map((s) => `00-${good}-${s}`)), (text) => {
    expect(traceOf(text) ?? good).toMatch(/^[0-9a-f]{32}$/);
  }));
});

it('an unsafe request passes only from this very site', () => {
  const f = { site: undefined, origin: undefined, host: 'a.example', secure: true };
  expect(sameOrigin({ ...f, site: 'same-origin' })).toBe(true);
  for (const site of ['cross-site', 'same-site', 'none', '', 'Same-Origin']) expect(sameOrigin({ ...f, site, origin: 'https://a.example' }), site).toBe(false);
  expect(sameOrigin({ ...f, origin: 'https://a.example' })).toBe(true);
  for (const origin of ['http://a.example', 'https://b.example', 'https://a.example.evil', 'https://a.example:444', 'null', '']) expect(
    sameOrigin({ ...f, origin }), origin).toBe(false);
  expect(sameOrigin(f)).toBe(false);
});

it('an address after signing in is a path of this site', () => {
  for (const good of ['/', '/tax-refunds/2026', '/a?b=c&d=%2F#x', '/t/india/x']) expect(safeReturn(good), good).toBe(good);
  const bad = ['', '//evil.example', '/\\evil.example', '/\\/evil.example', '\\\\evil.example', 'https://evil.example', 'javascript:alert(1)', 'evil.example',
    '/a\\b', '/\t/evil.example', '/\n/evil.example', '/ü', ' /a', '/a b', `/${'a'.repeat(600)}`];
  for (const path of bad) expect(safeReturn(path), path).toBeUndefined();
  expect(sitePath(`/${'a'.repeat(600)}`)).toBe(true);
  fc.assert(fc.property(fc.oneof(fc.string(), fc.webUrl(), fc.string().map((s) => `/${s}`), fc.stringMatching(/^[/\\]{1,3}[a-z.]{1,9}$/)), (path) => {
    const safe = safeReturn(path);
    if (safe !== undefined) expect(new URL(safe, 'https://site.example').origin).toBe('https://site.example');
  }), { numRuns: 1000 });
});

it('a tenant’s path is split in two, or is none', () => {
  expect(tenantPath('/t/india')).toEqual({ slug: 'india', rest: '/' });
  expect(tenantPath('/t/india?x=1')).toEqual({ slug: 'india', rest: '/?x=1' });
  expect(tenantPath('/t/india/a/b?c=/t/us/')).toEqual({ slug: 'india', rest: '/a/b?c=/t/us/' });
  for (const none of ['/t/', '/t/India/x', '/t/a/', '/t/../x', '/t/in%64ia/x', '/tt/india', `/t/${'a'.repeat(41)}/`]) expect(tenantPath(none),
    none).toBeUndefined();
  fc.assert(fc.property(fc.string(), (s) => {
    const found = tenantPath(`/t/${s}`);
    if (found) expect([found.rest.startsWith('/'), /^[a-z][a-z0-9-]{1,39}$/.test(found.slug)]).toEqual([true, true]);
  }));
});

it('a key’s scope and a body’s hash differ in every part', () => {
  const part = fc.string({ maxLength: 8 });
  fc.assert(fc.property(fc.tuple(part, part, part, part), fc.tuple(part, part, part, part), (a, b) => {
    expect(claimScope(...a).equals(claimScope(...b))).toBe(JSON.stringify(a) === JSON.stringify(b));
  }));
  expect(claimScope('a', 'b', 'c', 'd')).toHaveLength(32);
  expect(bodyHash({ n: 1n }).equals(bodyHash({ n: 1 }))).toBe(false);
  expect(bodyHash({ n: 1n }).equals(bodyHash({ n: '1' }))).toBe(false);
  for (const bad of ['', 'short', 'x'.repeat(129), 'a b c d e f', 'ключключ', 'abcdefg\n']) expect(isIdempotencyKey(bad), bad).toBe(false);
  expect(isIdempotencyKey('8-chars!')).toBe(true);
});

it('an address has one spelling, whatever stands around it, and what is none is none', () => {
  fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat({ max: 65_535 }), (ip, port) => {
    const plain = plainAddress(ip) as string;
    expect(plainAddress(plain)).toBe(plain);
    expect(plainAddress(ip.toUpperCase())).toBe(plain);
    expect(plainAddress(ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)).toBe(plain);
  }));
  fc.assert(fc.property(fc.string({ maxLength: 60 }), (text) => {
    const plain = plainAddress(text);
    expect(plain === undefined || plainAddress(plain) === plain).toBe(true);
  }));
  for (const none of ['', ' ', 'localhost', '1.2.3', '1.2.3.4.5', '01.2.3.4', '0x7f000001', '2130706433', '[::1', '[]', '[1.2.3.4', '::1]', '1.2.3.4:',
    '1.2.3.4:123456', '::g', 'a'.repeat(10_000), '1.2.3.4\u0000', '_hidden', '1'.repeat(10_000)]) expect(plainAddress(none), none.slice(0, 20)).toBeUndefined();
});

it('what trusted proxies did not write changes nothing of who asks', () => {
  const ip = fc.oneof(fc.ipV4(), fc.ipV6());
  fc.assert(fc.property(fc.array(fc.oneof(ip, fc.string()), { maxLength: 10 }), fc.array(ip, { minLength: 1, maxLength: 3 }), (forged, written) => {
    const caller = callerAddress('10.0.0.9', written.join(','), written.length);
    expect(caller).toBe(plainAddress(written[0] as string));
    expect(callerAddress('10.0.0.9', [...forged, ...written].join(', '), written.length)).toBe(caller);
    expect(callerAddress('10.0.0.9', [...forged, written.join(',')], written.length)).toBe(caller);
    expect(callerAddress('10.0.0.9', [...forged, ...written].join(', '), 0)).toBe('10.0.0.9');
  }));
  expect(callerAddress(undefined, undefined, 1)).toBe('');
});
