/**
 * Named people for a tour, three for India and two for the United States. Their numbers belong to nobody (PAN sequence 0000, SSN area
 * 999) and lie outside the generator's range. All times are offsets in hours from the moment of the tour, so the story is always fresh.
 */
import { type EventLine, type TaxpayerLine, wireFacts } from './feed.ts';
import type { Country, CountryPack, EventFacts } from './types.ts';

export interface DemoEvent { readonly source: string; readonly code: string; readonly hoursAgo: number; readonly facts: EventFacts; readonly bank?: true }
export interface DemoReturn { readonly yearsBack: number; readonly returnNo: number; readonly events: readonly DemoEvent[] }
export interface DemoPerson {
  readonly key: 'asha' | 'ravi' | 'meera' | 'maya' | 'sam';
  readonly country: Country;
  readonly identifier: string;
  readonly dateOfBirth: string;
  readonly phone: string;
  readonly name: string;
  readonly nameLocal?: string;
  readonly language: 'en' | 'hi';
  readonly accountTail: string;
  readonly returns: readonly DemoReturn[];
}

const days = (n: number): number => n * 24;
const verified = { verification: { verified: true, panLinked: true, bankValidated: true, demandOpen: false } } as const;

/** A past year of an Indian filer that ended in a payment. */
const paidYear = (yearsBack: number, rupees: bigint): DemoReturn => {
  const paid = rupees * 100n;
  const base = days(365 * yearsBack) + days(60);
  return {
    yearsBack, returnNo: 1, events: [
      { source: 'efiling', code: 'IN_FILED_UNVERIFIED', hoursAgo: base, facts: { claimed: paid, formType: 'ITR-1' } },
      { source: 'efiling', code: 'IN_VERIFIED', hoursAgo: base - 1, facts: verified },
      { source: 'cpc', code: 'IN_PROCESSING', hoursAgo: base - 30, facts: {} },
      { source: 'cpc', code: 'IN_REFUND_DETERMINED', hoursAgo: base - days(12), facts: { computed: paid, interest: 0n } },
      { source: 'cpc', code: 'IN_SENT_BANKER', hoursAgo: base - days(14), facts: { paid, trackingNo: `EXR${rupees}${yearsBack}` }, bank: true },
      { source: 'banker', code: 'IN_PAID', hoursAgo: base - days(16), facts: { paid, trackingNo: `EXR${rupees}${yearsBack}` }, bank: true },
    ],
  };
};

export const demoPeople: readonly DemoPerson[] = [
  {
    key: 'asha', country: 'IN', identifier: 'AAAPR0000A', dateOfBirth: '1988-02-29', phone: '+910000090001', name: 'Asha Rao', nameLocal: 'आशा राव',
    language: 'hi', accountTail: '4821',
    returns: [paidYear(2, 9_870n), paidYear(1, 12_340n), {
      yearsBack: 0, returnNo: 1, events: [
        { source: 'efiling', code: 'IN_FILED_UNVERIFIED', hoursAgo: days(24), facts: { claimed: 18_000_00n, formType: 'ITR-1', trackingNo: 'EXA2026ASHA' } },
        { source: 'efiling', code: 'IN_VERIFIED', hoursAgo: days(24) - 1, facts: verified },
        { source: 'cpc', code: 'IN_PROCESSING', hoursAgo: days(22), facts: {} },
        { source: 'cpc', code: 'IN_REFUND_DETERMINED', hoursAgo: days(4), facts: { computed: 18_000_00n, interest: 450_00n } },
        { source: 'cpc', code: 'IN_SENT_BANKER', hoursAgo: 26, facts: { paid: 18_450_00n, trackingNo: 'EXR2026ASHA' }, bank: true },
      ],
    }],
  },
  {
    key: 'ravi', country: 'IN', identifier: 'AAAPV0000B', dateOfBirth: '1975-11-03', phone: '+910000090002', name: 'Ravi Verma', nameLocal: 'रवि वर्मा',
    language: 'en', accountTail: '0907',
    returns: [paidYear(6, 4_210n), paidYear(5, 5_600n), paidYear(4, 3_050n), paidYear(3, 7_720n), paidYear(2, 8_110n), paidYear(1, 6_480n), {
      yearsBack: 0, returnNo: 1, events: [
        { source: 'efiling', code: 'IN_FILED_UNVERIFIED', hoursAgo: days(70), facts: { claimed: 31_500_00n, formType: 'ITR-2' } },
        { source: 'efiling', code: 'IN_VERIFIED', hoursAgo: days(70) - 2, facts: verified },
        { source: 'cpc', code: 'IN_SUPERSEDED', hoursAgo: days(62), facts: {} },
      ],
    }, {
      yearsBack: 0, returnNo: 2, events: [
        { source: 'efiling', code: 'IN_FILED_UNVERIFIED', hoursAgo: days(62) + 1,
          facts: { claimed: 28_700_00n, formType: 'ITR-2', revisedReturnOf: 1, trackingNo: 'EXA2026RAVI2' } },
        { source: 'efiling', code: 'IN_VERIFIED', hoursAgo: days(62), facts: verified },
        { source: 'cpc', code: 'IN_PROCESSING', hoursAgo: days(61), facts: {} },
        { source: 'cpc', code: 'IN_REFUND_DETERMINED', hoursAgo: days(46), facts: { computed: 28_700_00n, interest: 717_00n } },
        { source: 'cpc', code: 'IN_245_INTIMATED', hoursAgo: days(45),
          facts: { demandYear: 2021, reasonCode: 'earlier_demand', noticeNo: 'EXN/2026/0000245' } },
        { source: 'cpc', code: 'IN_ADJ_PARTIAL', hoursAgo: days(24), facts: { adjusted: 4_200_00n, demandYear: 2021, reasonCode: 'earlier_demand' } },
        { source: 'cpc', code: 'IN_SENT_BANKER', hoursAgo: days(22), facts: { paid: 25_220_00n, trackingNo: 'EXR2026RAVI' }, bank: true },
        { source: 'banker', code: 'IN_PAID', hoursAgo: days(20), facts: { paid: 25_220_00n, trackingNo: 'EXR2026RAVI' }, bank: true },
      ],
    }],
  },
  {
    key: 'meera', country: 'IN', identifier: 'AAAPI0000C', dateOfBirth: '1996-06-17', phone: '+910000090003', name: 'मीरा अय्यर', language: 'hi',
      accountTail: '7350',
    returns: [{
      yearsBack: 0, returnNo: 1, events: [
        { source: 'efiling', code: 'IN_FILED_UNVERIFIED', hoursAgo: days(12), facts: { claimed: 6_240_00n, formType: 'ITR-1', trackingNo: 'EXA2026MEERA' } },
      ],
    }],
  },
  {
    key: 'maya', country: 'US', identifier: '999010001', dateOfBirth: '1984-04-09', phone: '+12025550101', name: 'Maya Brooks', language: 'en',
      accountTail: '6612',
    returns: [{
      yearsBack: 0, returnNo: 1, events: [
        { source: 'wmr', code: 'US_WMR1', hoursAgo: days(26), facts: { claimed: 2_852_00n, formType: '1040' } },
        { source: 'masterfile', code: 'US_TC150', hoursAgo: days(14), facts: { computed: 2_852_00n } },
        { source: 'masterfile', code: 'US_TC806', hoursAgo: days(14), facts: {} },
        { source: 'wmr', code: 'US_WMR2', hoursAgo: days(5), facts: {} },
        { source: 'masterfile', code: 'US_TC846', hoursAgo: days(2), facts: { paid: 2_852_00n, trackingNo: 'EXT2025MAYA' }, bank: true },
      ],
    }],
  },
  {
    key: 'sam', country: 'US', identifier: '999010002', dateOfBirth: '1992-12-30', phone: '+12025550102', name: 'Sam Chen', language: 'en', accountTail: '1180',
    returns: [{
      yearsBack: 0, returnNo: 1, events: [
        { source: 'wmr', code: 'US_WMR1', hoursAgo: days(40), facts: { claimed: 1_940_00n, formType: '1040' } },
        { source: 'masterfile', code: 'US_TC150', hoursAgo: days(28), facts: { computed: 1_940_00n } },
        { source: 'masterfile', code: 'US_TC846', hoursAgo: days(20), facts: { paid: 1_940_00n }, bank: true },
        { source: 'masterfile', code: 'US_TC841', hoursAgo: days(13), facts: { reasonCode: 'account_closed' }, bank: true },
        { source: 'notices', code: 'US_CP53E', hoursAgo: days(6), facts: { reasonCode: 'no_bank_details', verification: { bankValidated: false } } },
      ],
    }],
  },
];

export interface ToldPerson { readonly key: DemoPerson['key']; readonly taxpayer: TaxpayerLine; readonly events: readonly EventLine[] }

/** The demo people of a pack. `asOf` is the present of the tour; events are received half an hour after they happen. */
export function peopleOf(pack: CountryPack, asOf: Date): readonly ToldPerson[] {
  return demoPeople.filter((person) => person.country === pack.country).map((person) => {
    const { key, country: _, accountTail, returns, ...known } = person;
    const taxpayer: TaxpayerLine = { kind: 'taxpayer', ...known, dateOfBirth: known.dateOfBirth as TaxpayerLine['dateOfBirth'] };
    const events = returns.flatMap((one) => one.events.map((event, serial): EventLine => {
      const at = asOf.getTime() - event.hoursAgo * 3_600_000;
      const year = pack.year.current - one.yearsBack;
      return {
        kind: 'event', identifier: person.identifier, year, returnNo: one.returnNo, ...(event.bank ? { accountTail } : {}), source: event.source,
        sourceEventId: `${event.source}-${key}-${year}-${one.returnNo}-${serial}`, sourceVersion: 1, occurredAt: new Date(at).toISOString(),
        receivedAt: new Date(at + 1_800_000).toISOString(), code: event.code, facts: wireFacts(event.facts),
      };
    }));
    return { key, taxpayer, events: events.sort((a, b) => (a.receivedAt < b.receivedAt ? -1 : a.receivedAt > b.receivedAt ? 1 : 0)) };
  });
}
