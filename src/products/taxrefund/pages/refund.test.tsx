import { expect, it } from 'vitest';
import { civilDate, done, uuid, type PageContext } from '#kernel';
import { markup } from '#kit';
import type { VNode } from 'preact';
import type { Status } from '../contract.ts';
import { project } from '../rules/project.ts';
import type { RefundEvent } from '../rules/types.ts';
import { projectionText } from '../service/encode.ts';
import { packOf } from '../service/packs.ts';
import { keep, keepYear, toYearStatus } from '../service/view.ts';
import { refundView } from './refund.tsx';

const pack = packOf({ country: 'IN' });
const person = uuid('1'.repeat(32));
const filed = Object.values(pack.statuses).find((s) => s.phase === 'filed')?.code ?? '';
const paid = Object.values(pack.statuses).find((s) => s.phase === 'paid')?.code ?? '';
const context = (o: Partial<PageContext> = {}): PageContext => ({
  tenant: { id: 't', slug: 'in', name: 'Office', country: 'IN', languages: ['en', 'hi'], zone: 'Asia/Kolkata' } as unknown as PageContext['tenant'], brand: {},
  language: 'en', theme: 'auto', signedIn: true, path: '/tax-refunds/2026', base: '', asset: (name) => name, token: '', key: '',
  now: new Date('2026-08-20T06:00:00Z'), synthetic: false, trace: '', params: {}, query: {}, ...o,
});

/** The page of one return, always of the same id and version, as somebody reads it from another reading of the database. */
function page(codes: readonly string[], o: Partial<PageContext> = {}, account: string | null = null, claimed = 1_845_000n): string {
  const events = codes.map((code, i): RefundEvent => ({
    source: pack.precedence[i] as string, sourceEventId: `e-${i}`, sourceVersion: 1, occurredAt: new Date(Date.UTC(2026, 7, i + 1, 10)),
    receivedAt: new Date(Date.UTC(2026, 7, i + 1, 10)), code, facts: { claimed, paid: claimed },
  }));
  const projection = projectionText(project(pack, events, 2026));
  const row = { id: '2'.repeat(32), person, year: 2026, return_no: 1, version: 3, events: 2, projection, account: null };
  const kept = keepYear(pack, person, 2026, new Date('2026-08-20T05:00:00Z'), [keep(pack, row)]);
  const year = toYearStatus(pack, kept, civilDate('2026-08-20'), undefined, null);
  const shown = { ...year, returns: year.returns.map((r: Status) => ({ ...r, account })) };
  return markup(refundView(context(o), done(shown)).body as VNode).replace(/&#(\d+);/g, (_, n: string) => String.fromCodePoint(Number(n)));
}

it('a kept story is shown to whom it is of: its account, its language, and the same for the same text', () => {
  const first = page([filed, paid], {}, '•••• 4821');
  expect(first).toContain('<dd>•••• 4821</dd>');
  expect(first).toContain('₹18,450');
  expect(page([filed, paid], {}, '•••• 4821')).toBe(first);
  const other = page([filed, paid], {}, '•••• <b>');
  expect(other).toBe(first.replace('•••• 4821', '•••• &lt;b>'));
  expect(page([filed, paid])).not.toContain('••••');
  expect(page([filed, paid], { language: 'hi' }, '•••• 4821')).toContain('रिफंड');
  expect(page([filed, paid], {}, '•••• 4821')).toBe(first);
});

it('a story is not kept beyond its text, whatever its id and version say', () => {
  const before = page([filed]);
  const after = page([filed, paid]);
  expect(after).not.toBe(before);
  expect(page([filed])).toBe(before);
  expect(page([filed], {}, null, 9_900n)).toContain('₹99');
  expect(page([filed], {}, null, 9_900n)).not.toContain('18,450');
});

it('a story is not kept beyond the day that its answer is of, though what was read is the same, and the page’s day too', () => {
  const events = [filed, 'IN_PROCESSING'].map((code, i): RefundEvent => ({
    source: pack.precedence[i] as string, sourceEventId: `e-${i}`, sourceVersion: 1, occurredAt: new Date(Date.UTC(2026, 7, i + 1, 10)),
    receivedAt: new Date(Date.UTC(2026, 7, i + 1, 10)), code, facts: { claimed: 1_845_000n },
  }));
  const projection = projectionText(project(pack, events, 2026));
  const row = { id: '3'.repeat(32), person, year: 2026, return_no: 1, version: 3, events: 2, projection, account: null };
  const kept = keepYear(pack, person, 2026, new Date('2026-08-20T05:00:00Z'), [keep(pack, row)]);
  const shown = (day: string): string => {
    const year = toYearStatus(pack, kept, civilDate(day), undefined, null);
    return markup(refundView(context(), done(year)).body as VNode);
  };
  const [before, after] = [shown('2026-08-20'), shown('2027-03-20')];
  expect(after).not.toBe(before);
  expect(shown('2026-08-20')).toBe(before);
});

it('a story of yesterday is written anew', () => {
  const shown = (now: string): string => page([filed], { now: new Date(now) });
  const [today, later] = [shown('2026-08-20T06:00:00Z'), shown('2026-08-22T06:00:00Z')];
  const days = (html: string): string | undefined => /\((\d+) days/.exec(html)?.[1];
  expect(days(today)).toBeDefined();
  expect(Number(days(today)) - Number(days(later))).toBe(2);
});
