import { spineStatement, type CellContext } from '#kernel';
import { STRETCH_SIZE, STRETCHES_KEPT } from '../contract.ts';
import { topicsBetween } from '../store.ts';

/** Which topics stand in stretches of the log that nothing can change any more: asked once, for all subscribers that are behind. */
export interface Stretches {
  /** How far behind `from`, up to `to`, none of these topics stands: `from` itself where the next stretch holds one, or is not settled to its end. */
  past(from: bigint, to: bigint, settled: bigint, topics: ReadonlySet<string>): Promise<bigint>;
}

export function createStretches(cell: Pick<CellContext, 'pools'>): Stretches {
  const known = new Map<bigint, Promise<ReadonlySet<string>>>();
  const topicsOf = (begin: bigint): Promise<ReadonlySet<string>> => {
    const had = known.get(begin);
    if (had) return had;
    const asked = spineStatement(cell, (sql) => topicsBetween(sql, begin, begin + STRETCH_SIZE)).then((names) => new Set(names));
    known.set(begin, asked);
    asked.catch(() => known.delete(begin));
    for (const oldest of known.keys()) {
      if (known.size <= STRETCHES_KEPT) break;
      known.delete(oldest);
    }
    return asked;
  };
  return {
    async past(from, to, settled, topics) {
      let at = from;
      while (at < to) {
        const begin = at - at % STRETCH_SIZE, end = begin + STRETCH_SIZE;
        if (end > settled) break;
        const held = await topicsOf(begin);
        if ([...topics].some((t) => held.has(t))) break;
        at = end;
      }
      return at < to ? at : to;
    },
  };
}
