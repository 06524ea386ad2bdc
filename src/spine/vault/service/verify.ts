import { auditorRead, type Check } from '#kernel';
import { subjectsByKey, tenantKeyRows } from '../store.ts';

/** A person's key that no data key opens is lost with all that it sealed. */
export const keysCheck: Check = {
  name: 'keys of persons', doc: 'Each person’s key is sealed by a data key that is there.',
  run: ({ cell, tenant }) => auditorRead(cell, tenant.id, async ({ sql }) => {
    const known = new Set((await tenantKeyRows(sql, tenant.id)).map((row) => row.key_id));
    return (await subjectsByKey(sql, tenant.id)).filter((row) => !known.has(row.key_id))
      .map((row) => `${row.subjects} persons' keys are sealed by ${row.key_id}, which is not there`);
  }),
};
