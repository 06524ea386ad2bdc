import type { PageContext, Words } from '#kernel';
import type { TourPerson } from './people.ts';
import type { Now, Told } from './stage.ts';
import { en } from './words/en.ts';
import { hi } from './words/hi.ts';

export type TourWords = Words<typeof en>;
export const tourWords = (context: Pick<PageContext, 'language'>): TourWords => (context.language === 'hi' ? hi : en);

/** All that the page is drawn from. */
export interface TourView {
  readonly now: Now; readonly told: Told; readonly people: readonly TourPerson[]; readonly at: Date; readonly signedIn: boolean;
  /** Step whose outcome was just made (the address says so), and language that the phone was asked to speak. */
  readonly step: number; readonly phone: string | undefined; readonly slug: string;
}

export const nameOf = (context: Pick<PageContext, 'language'>, person: TourPerson): string => (context.language === 'hi' ? person.nameLocal : person.name);

/** The first step that has not been done. */
export function nextStep(v: TourView): number {
  if (!v.signedIn) return 1;
  if (!v.told.fed) return 2;
  if (!v.told.why) return 3;
  if (!v.told.cut) return 4;
  if (!v.told.restored) return 5;
  if (!v.told.paid) return 6;
  return v.told.spread ? 0 : 7;
}
