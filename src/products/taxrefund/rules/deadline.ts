/** Deadlines are civil days in the zone of the tax office: 31 July 19:00 UTC is already 1 August in India. */
import { addDays, civilDateIn, daysBetween, type CivilDate } from '#kernel';
import type { CountryPack, Deadline, DeadlineRule, EventFacts } from './types.ts';

/**
 * The last day to act. `at` is the event that set the rule, `year` the year key of the return (needed for dates that the law
 * fixes for a year; unknown year → null). A day printed on the notice always wins, since extensions are granted.
 */
export function deadlineOf(pack: CountryPack, rule: DeadlineRule, at: Date, facts: Pick<EventFacts, 'respondBy'>, year: number | null): Deadline | null {
  if (rule.kind === 'none') return null;
  if (facts.respondBy !== undefined) return { date: facts.respondBy, basis: 'printed', days: null };
  const start = civilDateIn(pack.zone, at);
  switch (rule.kind) {
    case 'days_after_event': return { date: addDays(start, rule.days), basis: 'counted', days: rule.days };
    case 'as_on_notice': {
      const basis = rule.daysMin === rule.daysMax ? 'counted' : 'shortest';
      return { date: addDays(start, rule.daysMin), basis, days: rule.daysMin };
    }
    case 'year_date': {
      const date = year === null ? undefined : pack.year.dates[year]?.[rule.which];
      return date === undefined ? null : { date, basis: 'law', days: null };
    }
  }
}

/** Days left after today: 0 on the last day, negative when it has passed. */
export const daysLeft = (deadline: Deadline, today: CivilDate): number => daysBetween(today, deadline.date);
