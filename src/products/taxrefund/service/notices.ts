import { notice, uuid } from '#kernel';
import { tells } from '#platform/notify';
import { News } from '../contract.ts';
import { words as en } from '../words/en.ts';
import { words as hi } from '../words/hi.ts';

/** A person is told that their refund changed; what changed stands on its page only, behind the sign-in. */
export const refundChanged = notice('taxrefund.changed', {
  doc: 'A refund of the person changed.', lane: 'normal', offered: ['inbox', 'push', 'text', 'email'], chosen: ['inbox', 'push', 'text', 'email'],
    lifeMs: 3 * 86_400_000,
  values: ['year'], texts: { en: en.notices.changed, hi: hi.notices.changed },
});
export const tellOfNews = tells(News, ({ data }) => [{
  kind: refundChanged, telling: { person: uuid(data.person), dedupe: `${data.refund} ${data.version}`, data: { year: data.year },
    link: `/tax-refunds/${data.year}` },
}]);
