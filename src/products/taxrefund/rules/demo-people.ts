/** The named people of a tour as feed lines, dated back from the moment of the tour. */
import { demoPeople, type DemoPerson } from '../data/people.ts';
import { type EventLine, type TaxpayerLine, wireFacts } from './feed.ts';
import type { CountryPack } from './types.ts';

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
