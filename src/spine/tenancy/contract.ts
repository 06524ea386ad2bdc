import { z } from 'zod';
import { event, isUuid, problem, type TenantRef, type Uuid } from '#kernel';

/** A tenant as the directory keeps it: no personal data, so it may stand in every process and in a file. */
export interface TenantRecord extends TenantRef {
  /** Host names that lead to this tenant. */
  readonly hosts: readonly string[];
  /** Brand values that a page may use: CSS variables and the name by language. */
  readonly brand: Readonly<Record<string, string>>;
  /** True where every person is made up; the ribbon says so. */
  readonly synthetic: boolean;
}

export const zTenantRecord = z.strictObject({
  id: z.custom<Uuid>((v) => typeof v === 'string' && isUuid(v), 'not a uuid'), slug: z.string(), name: z.string(), country: z.string(), zone: z.string(),
  languages: z.array(z.string()), cell: z.string(), products: z.array(z.string()),
  clockOffsetMs: z.int(), hosts: z.array(z.string()), brand: z.record(z.string(), z.string()), synthetic: z.boolean(),
});

export const unknownTenant = problem('unknown-tenant', {
  status: 404, title: 'No office answers at this address.', doc: 'Check the host name. A name that no tenant claims is never guessed.',
});

export const TenantChanged = event('tenancy.changed', {
  version: 1, doc: 'A tenant was added or its settings changed; processes read the directory again.', data: { slug: z.string() },
});

/** The directory is read again this often, whatever the events say. */
export const DIRECTORY_REFRESH_MS = 30_000;
export const TENANTS_MAX = 100_000;
