import { notice, uuidOf, type Id } from '#kernel';
import { tells } from '#platform/notify';
import { EndpointDisabled } from '../contract.ts';
import { en } from '../words/en.ts';
import { hi } from '../words/hi.ts';

/** Tells whoever looks after an endpoint, where somebody is named. */
export const disabledNotice = notice('webhooks.disabled', {
  doc: 'An endpoint was disabled; told by mail to its contact.', lane: 'critical', offered: ['email'], chosen: ['email'], lifeMs: 5 * 86_400_000,
  values: ['endpoint', 'reason', 'failures'], texts: { en: en.notices.disabled, hi: hi.notices.disabled },
});
export const tellOfDisabling = tells(EndpointDisabled, ({ id, data }) => [{
  kind: disabledNotice, telling: { person: uuidOf(data.endpoint as Id<'wep'>), dedupe: id, link: `/console/webhooks/${data.endpoint}`,
    data: { endpoint: data.endpoint, reason: data.reason, failures: data.failures } },
}]);
