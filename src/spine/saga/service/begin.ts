import { realNow, type Origin, type Saga, type SectionTx, type Tx, uuid, type Uuid } from '#kernel';
import { KEY_CHARS_MAX } from '../contract.ts';
import { insertSagas, sagasOfKeys } from '../store.ts';
import { later, signal } from './settle.ts';

export interface Beginning { readonly by: Origin; /** The caller's own name for it: the same key begins nothing twice. */ readonly key: string;
  readonly input: Readonly<Record<string, unknown>> }

/** Begins sagas of one kind in the commit of what asks for them; resolves to the id of each, the known one where its key was used before. */
export async function beginAll(tx: SectionTx, saga: Saga, items: readonly Beginning[]): Promise<Uuid[]> {
  if (items.some((i) => !i.key || i.key.length > KEY_CHARS_MAX)) throw new RangeError(`a saga's key has 1 to ${KEY_CHARS_MAX} characters`);
  const firsts = [...new Map(items.map((i) => [i.key, i])).values()];
  const ids = new Map(firsts.map((i) => [i.key, tx.uuid()]));
  const now = realNow(tx);
  const made = await insertSagas(tx.sql, tx.tenant.id, saga.name, saga.version, now, later(now, saga.deadlineMs), {
    id: [...ids.values()], key: firsts.map((i) => i.key), trace: firsts.map((i) => i.by.trace),
      input: firsts.map((i) => JSON.stringify(saga.input.parse(i.input))),
  });
  if (made.length) tx.afterCommit(() => signal.wake(tx));
  if (made.length < firsts.length) for (const known of await sagasOfKeys(tx.sql, tx.tenant.id, saga.name, [...ids.keys()])) ids.set(known.key, uuid(known.id));
  return items.map((i) => ids.get(i.key) as Uuid);
}

export async function begin(tx: Tx, saga: Saga, key: string, input: Readonly<Record<string, unknown>>): Promise<Uuid> {
  const [id] = await beginAll(tx.section, saga, [{ by: tx, key, input }]);
  return id as Uuid;
}
