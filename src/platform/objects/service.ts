import { auditorRead, idOf, Manifests, type CellContext, type Check, type TenantRef, type Uuid } from '#kernel';
import { KEPT_ROWS_MAX, LOOKS_AT_ONCE, MISSING_MAX, OBJECT_BYTES_MAX, OBJECT_KEY } from './contract.ts';
import { ObjectStore } from './port.ts';

type Where = { readonly tenant: Pick<TenantRef, 'id'>; use: CellContext['use'] };

/** A key of this tenant's own. Throws RangeError when the name is none. */
function keyOf({ tenant }: Pick<Where, 'tenant'>, name: string): string {
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

export const hasObject = (where: Where, name: string): Promise<boolean> => where.use(ObjectStore).has(keyOf(where, name));
export const removeObject = (where: Where, name: string): Promise<void> => where.use(ObjectStore).remove(keyOf(where, name));

/** The id before all others. */
const FIRST = '0'.repeat(32) as Uuid;

/** An object that a row stands for: the row's public id, its key in the store, and whether the row still stands when it is asked. */
interface Kept { readonly row: string; readonly key: string; stands(): Promise<boolean> }
type Context = { readonly cell: CellContext; readonly tenant: TenantRef };

/** The objects that rows of a tenant stand for, page by page, of all modules; only rows with ids after `after`, where it is said. */
async function* kept({ cell, tenant }: Context, after: Uuid = FIRST): AsyncGenerator<readonly Kept[]> {
  for (const { prefix, list } of cell.use(Manifests).flatMap((m) => m.objects ?? [])) {
    const page = (from: Uuid, limit: number): ReturnType<typeof list> => auditorRead(cell, tenant.id, ({ sql }) => list({ sql, tenant }, from, limit));
    for (let from = after; ;) {
      const rows = await page(from, KEPT_ROWS_MAX);
      if (!rows.length) break;
      let before = from;
      yield rows.map(({ id, object }) => {
        const start = before;
        before = id;
        return { row: idOf(prefix, id), key: keyOf({ tenant }, object), stands: async () => (await page(start, 1))[0]?.id === id };
      });
      from = before;
    }
  }
}

/** Does a piece of work for each, a few at once; what it resolves to is told, in order, unless undefined. */
async function eachOf<T, R>(items: readonly T[], work: (item: T) => Promise<R | undefined>): Promise<R[]> {
  const results: (R | undefined)[] = [];
  const turns = items.entries();
  await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, async () => {
    for (const [i, item] of turns) results[i] = await work(item);
  }));
  return results.filter((r) => r !== undefined);
}

/** What a copy came to. `missing` are rows whose object is not where it was to be copied from, by their ids. */
export interface Copied { readonly copied: number; readonly there: number; readonly bytes: number; readonly missing: readonly string[] }

/**
 * Copies the objects that rows of a tenant stand for into another store; what is there stays as it is. An object is put before its row is committed,
 * so a copy that begins after a state of the database was taken has every object of that state.
 */
export async function copyObjects(c: Context, from: ObjectStore, to: ObjectStore, after?: Uuid): Promise<Copied> {
  let [copied, there, bytes] = [0, 0, 0];
  const missing: string[] = [];
  for await (const page of kept(c, after)) {
    missing.push(...await eachOf(page, async ({ row, key, stands }) => {
      if (await to.has(key)) {
        there += 1;
        return undefined;
      }
      const found = await from.get(key);
      if (!found) return await stands() ? row : undefined;
      if (await to.put(key, found) === 'made') copied += 1;
      else there += 1;
      bytes += found.length;
      return undefined;
    }));
  }
  return { copied, there, bytes, missing };
}

export const keptCheck: Check = {
  name: 'objects.kept', doc: 'Each object that a row stands for is in the store.',
  async run(c) {
    const store = c.cell.use(ObjectStore);
    const missing: string[] = [];
    for await (const page of kept(c)) {
      missing.push(...await eachOf(page, async ({ row, key, stands }) => (await store.has(key) || !await stands() ? undefined
        : `${row} stands, and its object is not in the store (${store.name})`)));
      if (missing.length >= MISSING_MAX) break;
    }
    return missing;
  },
};
