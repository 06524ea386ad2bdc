import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { house, madeUpPan, type House } from '#test';
import { ingest } from './service/ingest.ts';
import { splitLines } from './service/feed.ts';

let h: House;
beforeAll(async () => { h = await house({ limits: false }); });
afterAll(() => h.stop());

const take = (texts: readonly string[]): ReturnType<typeof ingest> =>
  h.perform('india', (tx) => ingest(tx.section, tx, 'property', texts.map((text, i) => ({ no: i + 1, text }))));

const good = {
  kind: 'event', identifier: madeUpPan(77), year: 2026, returnNo: 1, source: 'cpc', sourceEventId: 'p-1', sourceVersion: 1, occurredAt: '2026-08-01T10:00:00Z',
  code: 'IN_PROCESSING', facts: { claimed: '100' },
};
const person = { kind: 'taxpayer', identifier: madeUpPan(77), dateOfBirth: '1988-02-29', phone: '+91 00000 77777', name: 'Made Up', language: 'en' };

/** A line that is right but for one field, which holds anything. */
const bent = fc.constantFrom<Record<string, unknown>>(good, person).chain((line) =>
  fc.tuple(fc.constantFrom(...Object.keys(line), 'more'), fc.oneof(fc.jsonValue(), fc.constantFrom(-1, 0, 1e21, '', '2026-02-30', '\u0000', 'ऄ', null)))
    .map(([name, value]) => JSON.stringify({ ...line, [name]: value })));
const broken = fc.tuple(fc.constantFrom(JSON.stringify(good), JSON.stringify(person)), fc.nat(200), fc.string({ unit: 'binary', maxLength: 3 }))
  .map(([text, at, junk]) => `${text.slice(0, at)}${junk}${text.slice(at + junk.length)}`.replaceAll('\n', ' '));

describe('lines of the feed', () => {
  it('are taken or set aside, each exactly once, whatever they hold', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.oneof(bent, broken, fc.string({ unit: 'binary' }), fc.json()), { maxLength: 40 }), async (texts) => {
      const { counts, quarantined } = await take(texts);
      expect(counts.taxpayers + counts.accepted + counts.duplicates + counts.quarantined).toBe(texts.length);
      expect(new Set(quarantined.map((q) => q.line)).size).toBe(quarantined.length);
      expect(quarantined).toHaveLength(counts.quarantined);
    }), { numRuns: 60 });
  });

  it('come out of bytes as they went in, with or without a last newline, by LF or CRLF', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((s) => s.trim() !== '' && !/[\r\n\ufeff]/.test(s));
    fc.assert(fc.property(fc.array(text, { minLength: 1, maxLength: 20 }), fc.constantFrom('\n', '\r\n'), fc.boolean(), (texts, end, last) => {
      const bytes = Buffer.from(texts.join(end) + (last ? end : ''));
      expect(splitLines(bytes)?.map((l) => l.text)).toEqual(texts);
    }));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const lines = splitLines(bytes);
      if (lines) expect(lines.every((l) => !l.text.includes('\n') && l.text.trim() !== '')).toBe(true);
    }));
  });
});
