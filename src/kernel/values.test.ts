import fc from 'fast-check';
import pg from 'pg';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import {
  addDays, addMoney, civilDate, civilDateIn, ConfigFault, currencies, daysBetween, decimalText, divideRounded, envFlag, envInt, exponentOf, fill, formatMoney,
  idOf,
  isCivilDate, isUuid, machine, money, MONEY_AMOUNT_MAX, negotiate, plainInput, readConfig, scaleMoney, seededRandom, setting, subtractMoney, systemRandom,
  testClock,
  uuid, uuidOf, uuidv7, zAmount, zDate, zId, zInstant, zMoney, zText, type Currency, type Rounding,
} from './index.ts';
import { instantOfText } from './sql.ts';

const amount = fc.bigInt({ min: -MONEY_AMOUNT_MAX, max: MONEY_AMOUNT_MAX });
const currency = fc.constantFrom(...currencies);

describe('money', () => {
  it('adds and subtracts back, for every amount whose sum is in range', () => {
    fc.assert(fc.property(amount, amount, currency, (a, b, c) => {
      const sum = a + b;
      const inRange = sum <= MONEY_AMOUNT_MAX && sum >= -MONEY_AMOUNT_MAX;
      if (!inRange) {
        expect(() => addMoney(money(a, c), money(b, c))).toThrow(RangeError);
        return;
      }
      expect(subtractMoney(addMoney(money(a, c), money(b, c)), money(b, c))).toEqual({ amount: a, currency: c });
    }));
  });
  it('refuses to mix currencies and to leave the range', () => {
    expect(() => addMoney(money(1n, 'INR'), money(1n, 'USD'))).toThrow(TypeError);
    expect(() => money(2n ** 63n, 'INR')).toThrow(RangeError);
    expect(() => money(-(2n ** 63n), 'INR')).toThrow(RangeError);
  });
  it('rounds within one unit of the true quotient, in the named direction', () => {
    const modes: Rounding[] = ['down', 'up', 'floor', 'half-up', 'half-even'];
    fc.assert(fc.property(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.bigInt({ min: 1n, max: 10n ** 6n }), fc.constantFrom(...modes),
      (n, d, mode) => {
      const q = divideRounded(n, d, mode);
      const rest = n - q * d;
      const size = rest < 0n ? -rest : rest;
      expect(size < d).toBe(true);
      if (mode === 'down') expect(rest === 0n || (rest > 0n) === (n > 0n)).toBe(true);
      if (mode === 'up') expect(rest === 0n || (rest > 0n) !== (n > 0n)).toBe(true);
      if (mode === 'floor') expect(rest >= 0n).toBe(true);
      if (mode.startsWith('half')) expect(size * 2n <= d).toBe(true);
      if (mode === 'half-even' && size * 2n === d) expect(q % 2n).toBe(0n);
      if (mode === 'half-up' && size * 2n === d) expect(rest === 0n || (rest > 0n) !== (n > 0n)).toBe(true);
    }));
    expect(() => divideRounded(1n, 0n, 'down')).toThrow(RangeError);
    expect(() => divideRounded(1n, -2n, 'down')).toThrow(RangeError);
  });
  it('writes exact decimals with the currency’s own number of places', () => {
    fc.assert(fc.property(amount, currency, (a, c) => {
      const text = decimalText(money(a, c));
      expect(text).toMatch(exponentOf(c) === 0 ? /^-?\d+$/ : new RegExp(`^-?\\d+\\.\\d{${exponentOf(c)}}$`));
      expect(BigInt(text.replace('.', ''))).toBe(a);
    }));
    expect([decimalText(money(-5n, 'INR')), decimalText(money(-5n, 'JPY')), decimalText(money(5n, 'KWD'))]).toEqual(['-0.05', '-5', '0.005']);
  });
  it('formats as the locale reads it, exactly, for amounts past 2⁵³', () => {
    expect(formatMoney(money(12_345_650n, 'INR'), 'en-IN')).toBe('₹1,23,456.50');
    expect(formatMoney(money(12_345_650n, 'INR'), 'hi-IN')).toContain('1,23,456.50');
    expect(formatMoney(money(-100n, 'INR'), 'en-IN')).toContain('−');
    expect(formatMoney(money(9_007_199_254_740_993n, 'INR'), 'en-IN').replaceAll(/[^0-9]/g, '')).toBe('9007199254740993');
  });
  it('scales by a ratio', () => {
    expect(scaleMoney(money(1005n, 'INR'), 1n, 2n, 'half-even')).toEqual(money(502n, 'INR'));
    expect(scaleMoney(money(1005n, 'INR'), 1n, 2n, 'half-up')).toEqual(money(503n, 'INR'));
  });
});

describe('ids', () => {
  it('keep the order of their making within one instant, however many', () => {
    const at = new Date('2026-04-01T00:00:00Z');
    const made = Array.from({ length: 12_000 }, () => uuidv7(at, systemRandom));
    expect(new Set(made).size).toBe(made.length);
    expect(made.findIndex((id, i) => i > 0 && id <= (made[i - 1] as string))).toBe(-1);
  });
  it('are whole from the first one of a process on, also at the epoch', async () => {
    vi.resetModules();
    const fresh = await import('./id.ts');
    expect([fresh.uuidv7(new Date(0), systemRandom), fresh.uuidv7(new Date(0), systemRandom)])
      .toEqual(Array.from({ length: 2 }, () => expect.stringMatching(/^0{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/)));
  });
  it('are UUIDv7 of their instant', () => {
    fc.assert(fc.property(fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }), (at) => {
      const id = uuidv7(at, systemRandom);
      expect(id).toMatch(/^[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
      expect(Number.parseInt(id.slice(0, 12), 16)).toBe(at.getTime());
    }));
  });
  it('go from public to stored and back', () => {
    const id = uuidv7(new Date(0), seededRandom('x'));
    expect(uuidOf(idOf('tret', id))).toBe(id);
    expect(idOf('tret', `${id.slice(0, 8)}-${id.slice(8, 12)}-${id.slice(12, 16)}-${id.slice(16, 20)}-${id.slice(20)}`)).toBe(`tret_${id}`);
    for (const bad of ['', 'x', `${id}0`, id.toUpperCase(), `${id.slice(0, 31)}g`, "'; drop table x; --"]) {
      expect(isUuid(bad)).toBe(false);
      expect(() => uuid(bad)).toThrow(RangeError);
    }
  });
});

describe('time', () => {
  it('knows real dates from others', () => {
    for (const good of ['2024-02-29', '2000-02-29', '1999-12-31', '0001-01-01', '9999-12-31']) expect(isCivilDate(good), good).toBe(true);
    for (const bad of ['2023-02-29', '1900-02-29', '2024-13-01', '2024-00-10', '2024-04-31', '0000-01-01', '24-01-01', '2024-1-1', '2024-01-01T00:00:00Z', '',
      ' 2024-01-01', '+002024-01-01']) {
      expect(isCivilDate(bad), bad).toBe(false);
      expect(() => civilDate(bad)).toThrow(RangeError);
    }
  });
  it('takes exactly the dates of the calendar, and nothing for a date that is none', () => {
    const part = fc.integer({ min: 0, max: 99 });
    fc.assert(fc.property(fc.integer({ min: 1, max: 9999 }), part, part, (year, month, day) => {
      const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
      const length = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
      const text = [String(year).padStart(4, '0'), ...[month, day].map((n) => String(n).padStart(2, '0'))].join('-');
      expect(isCivilDate(text)).toBe(day >= 1 && day <= length);
    }), { numRuns: 2000 });
    fc.assert(fc.property(fc.string(), (text) => { if (isCivilDate(text)) expect(text).toMatch(/^\d{4}-\d\d-\d\d$/); }));
  });
  it('reads the civil day of an instant in a zone', () => {
    const at = new Date('2026-03-31T18:29:59.999Z');
    expect(civilDateIn('Asia/Kolkata', at)).toBe('2026-03-31');
    expect(civilDateIn('Asia/Kolkata', new Date(at.getTime() + 1))).toBe('2026-04-01');
    // Kept by the second: another zone, and the second after, are others.
    expect(civilDateIn('America/New_York', at)).toBe('2026-03-31');
    expect(civilDateIn('Asia/Kolkata', at)).toBe('2026-03-31');
    expect(civilDateIn('America/New_York', new Date('2026-03-08T06:59:59Z'))).toBe('2026-03-08');
    expect(civilDateIn('America/New_York', new Date('2026-11-01T03:59:59Z'))).toBe('2026-10-31');
  });
  it('adds and counts days both ways, over leap days and clock changes', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 30_000 }), fc.integer({ min: -10_000, max: 10_000 }), (base, days) => {
      const from = addDays(civilDate('1970-01-01'), base);
      expect(daysBetween(from, addDays(from, days))).toBe(days);
      expect(addDays(addDays(from, days), -days)).toBe(from);
    }));
  });
  it('a test clock stands still until moved', async () => {
    const clock = testClock(new Date(1000));
    await clock.sleep(5);
    clock.advance(10);
    expect([clock.now().getTime(), clock.monotonicMs()]).toEqual([1015, 1015]);
  });
});

describe('text', () => {
  it('fills every place or throws', () => {
    expect(fill('{a} of {b}', { a: 1, b: 'two' })).toBe('1 of two');
    expect(() => fill('{a} {c}', { a: 1 })).toThrow(RangeError);
    for (const inherited of ['constructor', 'toString', '__proto__']) expect(() => fill(`{${inherited}}`, {})).toThrow(RangeError);
    expect(fill('{a}', { a: '{b} $& $1' })).toBe('{b} $& $1');
  });
  it.each([
    [undefined, 'en'], ['', 'en'], ['hi', 'hi'], ['hi-IN,hi;q=0.9,en;q=0.8', 'hi'], ['en;q=0.5,hi', 'hi'], ['hi, en;q=0.9', 'hi'], ['en, hi;q=0.999', 'en'],
    ['hi;q=0, en;q=0.1', 'en'], ['fr, de', 'en'], ['hi;q=0', 'en'], ['HI', 'hi'], ['hi ; q=0.2 , en ; q=0.3', 'en'], [`${'x,'.repeat(400)}hi`, 'en'],
    ['*', 'en'],
  ] as const)('picks the language of %j', (header, language) => {
    expect(negotiate(header, ['en', 'hi'])).toBe(language);
  });
  it('picks an offered language of any header at all', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('hi', 'en', ',', ';', 'q=', '0', '.', '1', '*', ' ') })), (header) => {
      expect(['en', 'hi']).toContain(negotiate(header, ['en', 'hi']));
      expect(negotiate(header, ['hi'])).toBe('hi');
    }));
  });
  it('makes typed text plain: Devanagari, full-width, Arabic, zero-width and odd spaces', () => {
    expect(plainInput('१२३ ४५६')).toBe('123456');
    expect(plainInput('１２３４５６')).toBe('123456');
    expect(plainInput('٠١٢٣٤٥')).toBe('012345');
    expect(plainInput('\u200b1\u200d2\u00a03\u20094\ufeff5\t6\n')).toBe('123456');
    expect(plainInput('ＡＢＣＰＫ००००Ｌ')).toBe('ABCPK0000L');
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (s) => {
      const once = plainInput(s);
      expect(plainInput(once)).toBe(once);
      expect(once).not.toMatch(/[\s\u200b-\u200f\ufeff\u0966-\u096f]/u);
    }));
  });
});

describe('wire', () => {
  it('takes amounts as strings of minor units only', () => {
    for (const good of ['0', '1', '-1', '9007199254740993', '9223372036854775807', '-9223372036854775807']) {
      expect(z.encode(zAmount, z.decode(zAmount, good))).toBe(good);
    }
    for (const bad of [Number('9007199254740993'), 1, 1.5, 1n, null, '', '-0', '01', '+1', '1.0', '1e3', ' 1', '1 ', '१', '9223372036854775808',
      '-9223372036854775808',
      '99999999999999999999']) {
      expect(zAmount.safeDecode(bad as string).success, String(bad)).toBe(false);
    }
    expect(zAmount.safeEncode(2n ** 63n).success).toBe(false);
  });
  it('takes no text for an amount that it would not write', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('0', '1', '9', '-', '+', '.', 'e', ' ') })), (text) => {
      const read = zAmount.safeDecode(text);
      if (read.success) expect(z.encode(zAmount, read.data)).toBe(text);
    }), { numRuns: 1000 });
  });
  it('takes money of known currencies only, and nothing beside', () => {
    expect(z.decode(zMoney, { amount: '150', currency: 'INR' })).toEqual(money(150n, 'INR'));
    for (const bad of [{ amount: '150', currency: 'XXX' }, { amount: 150, currency: 'INR' }, { amount: '150', currency: 'inr' },
      { amount: '1', currency: 'INR', more: 1 }, { amount: '1', currency: 'constructor' }]) {
      expect(zMoney.safeDecode(bad as never).success, JSON.stringify(bad)).toBe(false);
    }
    fc.assert(fc.property(amount, currency, (a, c: Currency) => { expect(z.decode(zMoney, z.encode(zMoney, money(a, c)))).toEqual(money(a, c)); }));
  });
  it('takes instants with an offset and dates that exist', () => {
    expect(z.decode(zInstant, '2026-04-01T05:30:00+05:30').toISOString()).toBe('2026-04-01T00:00:00.000Z');
    for (const bad of ['2026-04-01T05:30:00', '2026-04-01', 'now', '2026-13-01T00:00:00Z', '']) expect(zInstant.safeDecode(bad).success, bad).toBe(false);
    expect(zDate.safeDecode('2024-02-29' as never).success).toBe(true);
    for (const bad of ['2023-02-29', '29/02/2024', 20240229, '0000-01-01']) expect(zDate.safeDecode(bad as never).success, String(bad)).toBe(false);
  });
  it('takes ids of one kind', () => {
    const id = zId('tret');
    expect(id.safeDecode(`tret_${'0'.repeat(32)}`).success).toBe(true);
    for (const bad of [`pay_${'0'.repeat(32)}`, `tret_${'0'.repeat(31)}`, `tret_${'G'.repeat(32)}`, `tret_${'0'.repeat(32)}\n`,
      `xtret_${'0'.repeat(32)}`]) expect(id.safeDecode(bad as never).success, bad).toBe(false);
  });
  it('takes people’s text without control characters', () => {
    const text = zText(5);
    for (const good of ['a', 'आशा', 'a\nb', "O'x"]) expect(text.safeParse(good).success, good).toBe(true);
    for (const bad of ['', 'abcdef', 'a\u0000', 'a\u001b[', '\u007f']) expect(text.safeParse(bad).success, JSON.stringify(bad)).toBe(false);
  });
});

describe('machine', () => {
  const m = machine('door', 'shut', { shut: ['open', 'locked'], open: ['shut'], locked: [] });
  it('moves only as its table says', () => {
    expect([m.can('shut', 'open'), m.can('open', 'locked'), m.can('locked', 'shut')]).toEqual([true, false, false]);
    expect(m.draw()).toBe('stateDiagram-v2\n  [*] --> shut\n  shut --> open\n  shut --> locked\n  open --> shut\n  locked --> [*]');
  });
});

describe('config', () => {
  const spec = { port: setting('PORT', 'Where the server listens.', envInt(80, 1, 65_535)), on: setting('ON', 'Whether it is on.', envFlag) };
  it('reads defaults and values', () => {
    expect(readConfig(spec, {})).toEqual({ port: 80, on: false });
    expect(readConfig(spec, { PORT: '8080', ON: 'yes' })).toEqual({ port: 8080, on: true });
  });
  it('names every fault at once', () => {
    const faults = (env: Record<string, string>): readonly string[] => {
      try {
        readConfig(spec, env);
        return [];
      } catch (error) {
        return (error as ConfigFault).faults;
      }
    };
    expect(faults({ PORT: '0', ON: 'maybe' }).map((f) => f.split(':')[0])).toEqual(['PORT', 'ON']);
    for (const bad of ['x', '1.5', '70000', 'NaN', '-1']) expect(faults({ PORT: bad }), bad).toHaveLength(1);
  });
});

describe('random', () => {
  it('repeats under a seed and stays in range', () => {
    expect(seededRandom('a').bytes(40)).toEqual(seededRandom('a').bytes(40));
    expect(seededRandom('a').bytes(40)).not.toEqual(seededRandom('b').bytes(40));
    const r = seededRandom('c');
    const seen = new Set(Array.from({ length: 400 }, () => r.int(7)));
    expect([...seen].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(r.int(1)).toBe(0);
    for (const bad of [0, -1, 1.5, 2 ** 33]) expect(() => r.int(bad)).toThrow(RangeError);
    expect(systemRandom.bytes(10_000)).toHaveLength(10_000);
  });
});

describe('an instant as PostgreSQL writes it', () => {
  const driver = pg.types.getTypeParser(1184) as (text: string) => Date;
  it('is read as the driver reads it, in whatever form', () => {
    const fraction = fc.stringMatching(/^(?:\.\d{0,5}[1-9])?$/);
    const second = fc.date({ min: new Date('1000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true });
    fc.assert(fc.property(second, fraction, fc.constantFrom('+00', '+05:30', '-03', '+00:19:32'), (at, part, zone) => {
      const text = `${at.toISOString().slice(0, 19).replace('T', ' ')}${part}${zone}`;
      expect(instantOfText(text).getTime(), text).toBe(driver(text).getTime());
    }), { numRuns: 2000 });
    const odd = ['0099-03-01 10:00:00+00', '0001-01-01 00:00:00+00 BC', '12026-11-28 10:10:53.5+00', '2024-02-29 23:59:59.999999+00', 'infinity', '-infinity'];
    for (const text of odd) {
      expect(Number(instantOfText(text)), text).toBe(Number(driver(text)));
    }
  });
});
