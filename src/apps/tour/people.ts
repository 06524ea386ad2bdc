import type { Clock, TenantRef } from '#kernel';
import { demoFeed } from '#products/taxrefund';

/** A made-up person as a visitor of the demo needs them: what to type, and which year there is something to see. */
export interface TourPerson {
  readonly key: string; readonly name: string; readonly nameLocal: string; readonly identifier: string; readonly phone: string;
  readonly day: string; readonly month: string; readonly birthYear: string; readonly year: number;
}

/** The people to try at one tenant, the one of the tour first. */
export function peopleToTry(tenant: TenantRef, clock: Clock): TourPerson[] {
  return demoFeed(tenant).people(clock.now()).map(({ key, taxpayer, events }) => {
    const [birthYear = '', month = '', day = ''] = taxpayer.dateOfBirth.split('-').map((part) => part.replace(/^0/, ''));
    return {
      key, name: taxpayer.name, nameLocal: taxpayer.nameLocal ?? taxpayer.name, identifier: taxpayer.identifier, phone: taxpayer.phone, day, month, birthYear,
      year: events.reduce((newest, e) => Math.max(newest, e.year), 0),
    };
  });
}

/** The three lines that a start prints. */
export const peopleLines = (people: readonly TourPerson[]): string => people
  .map((p) => `           ${p.name.padEnd(14)} PAN ${p.identifier}   born ${p.day}.${p.month}.${p.birthYear}`).join('\n');
