import type { TenantRef } from '#kernel';
import type { FeedLine } from '../rules/feed.ts';
import { peopleOf, type ToldPerson } from '../rules/demo-people.ts';
import { season } from '../rules/season.ts';
import { packOf } from './packs.ts';

/** What the authority of a tenant's country would send in the demo: named people of the tour, and a season of made-up filers. */
export function demoFeed(tenant: Pick<TenantRef, 'country'>): {
  people(asOf: Date): readonly ToldPerson[];
  season(o: { filers: number; seed: string }): Iterable<FeedLine>;
} {
  const pack = packOf(tenant);
  return { people: (asOf) => peopleOf(pack, asOf), season: (o) => season(pack, o) };
}
