import { expect, it } from 'vitest';
import { z } from 'zod';
import { civilDate, uuid } from '#kernel';
import { zYearStatus } from '../contract.ts';
import { project } from '../rules/project.ts';
import type { EventFacts, RefundEvent } from '../rules/types.ts';
import { projectionText } from './encode.ts';
import { packOf } from './packs.ts';
import { keep, keepYear, toYearStatus, yearWire } from './view.ts';

const person = uuid('1'.repeat(32));
const at = (day: number): Date => new Date(Date.UTC(2026, 7, day, 10));
const some: readonly EventFacts[] = [{}, { claimed: 1n, computed: 0n, interest: 45_000n, trackingNo: '"\\\u2028₹' }, {
  claimed: 98_765_432_109_87n, computed: 98_765_432_109_87n, adjusted: 420_000n, paid: 1n,
  demandYear: 2021, reasonCode: 'earlier_demand', noticeNo: 'N/1', formType: 'ITR-1',
}];

it.each(['IN', 'US'])('the wire text of a year is what the codec writes, for every code and amount that a return of %s may have', (country) => {
  const pack = packOf({ country });
  const filed = Object.values(pack.statuses).find((s) => s.phase === 'filed')?.code ?? '';
  const texts = new Set<string>();
  for (const code of [...Object.keys(pack.statuses), 'NEW_CODE_OF_THE_OFFICE']) {
    for (const facts of some) {
      const events = [filed, code].map((c, i): RefundEvent => ({
        source: pack.precedence[i === 0 ? 0 : pack.precedence.length - 1] as string, sourceEventId: `e-${i}`, sourceVersion: 1,
        occurredAt: at(i + 1), receivedAt: at(i + 1), code: c, facts,
      }));
      const projection = projectionText(project(pack, events, 2026));
      const row = { id: '2'.repeat(32), person, year: 2026, return_no: 1, version: 3, events: 2, projection, account: null };
      for (const staleSeconds of [null, 90]) {
        const kept = keepYear(pack, person, 2026, at(3), [keep(pack, row), keep(pack, row)]);
        const year = toYearStatus(pack, kept, civilDate('2026-08-20'), undefined, staleSeconds);
        const text = yearWire(year);
        texts.add(text);
        expect(JSON.parse(text), code).toEqual(JSON.parse(JSON.stringify(z.encode(zYearStatus, year))));
      }
    }
  }
  expect(texts.size).toBeGreaterThan(Object.keys(pack.statuses).length);
});
