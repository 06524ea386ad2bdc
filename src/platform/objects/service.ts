import type { CellContext, TenantRef } from '#kernel';
import { OBJECT_BYTES_MAX, OBJECT_KEY } from './contract.ts';
import { ObjectStore } from './port.ts';

type Where = { readonly tenant: Pick<TenantRef, 'id'>; use: CellContext['use'] };

/** A key of this tenant's own. Throws RangeError when the name is none. */
function keyOf({ tenant }: Where, name: string): string {
  const key = `${tenant.id}/${name}`;
  if (!OBJECT_KEY.test(key)) throw new RangeError('not a key of an object');
  return key;
}

/** Keeps sealed text under a name of the tenant where there is nothing yet. Throws RangeError over the limit, Unavailable when the store is away. */
export async function putObject(where: Where, name: string, sealed: string): Promise<'made' | 'exists'> {
  const bytes = Buffer.from(sealed, 'latin1');
  if (bytes.length > OBJECT_BYTES_MAX) throw new RangeError('an object is too large');
  return where.use(ObjectStore).put(keyOf(where, name), bytes);
}

/** The sealed text under a name, or undefined. */
export async function getObject(where: Where, name: string): Promise<string | undefined> {
  return (await where.use(ObjectStore).get(keyOf(where, name)))?.toString('latin1');
}

export const removeObject = (where: Where, name: string): Promise<void> => where.use(ObjectStore).remove(keyOf(where, name));
