import type { SectionTx, Tx } from '#kernel';

/**
 * Calls that reach the same point together share a transaction, but each asks for itself. What they ask in the same turn is asked here in one
 * statement, and what they write leaves in one with the flush.
 */
export function askTogether<K, V>(ask: (tx: SectionTx, keys: readonly K[]) => Promise<(key: K) => V>): (tx: Pick<Tx, 'section'>, key: K) => Promise<V> {
  const turns = new WeakMap<SectionTx, { readonly keys: K[]; readonly answers: Promise<(key: K) => V> }>();
  return async ({ section }, key) => {
    let turn = turns.get(section);
    if (!turn) {
      const keys: K[] = [];
      // Everybody who is on the way to this question in this turn has asked it by then.
      const answers = Promise.resolve().then(() => {
        turns.delete(section);
        return ask(section, keys);
      });
      turns.set(section, (turn = { keys, answers }));
    }
    turn.keys.push(key);
    return (await turn.answers)(key);
  };
}

export function writeTogether<R>(send: (tx: SectionTx, rows: readonly R[]) => Promise<unknown>): (tx: Pick<Tx, 'section'>, row: R) => void {
  const held = new WeakMap<SectionTx, R[]>();
  return ({ section }, row) => {
    const rows = held.get(section);
    if (rows) return void rows.push(row);
    const own = [row];
    held.set(section, own);
    section.write(() => send(section, own));
  };
}
