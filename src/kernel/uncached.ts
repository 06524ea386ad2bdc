import type { z } from 'zod';

declare const uncachedMark: unique symbol;
export type UncachedKind = 'balance' | 'payment-state' | 'token' | 'fraud-flag';

/** A value that must always come from its source: `interface Balance extends NeverCached<'balance'>`. No cache takes what holds one, at whatever depth. */
export interface NeverCached<Kind extends UncachedKind = UncachedKind> { readonly [uncachedMark]?: Kind }

/** Marks what a schema gives; the schema itself stays as it is. */
export const uncached = <Kind extends UncachedKind, S extends z.ZodType>(kind: Kind, schema: S): S & z.ZodType<z.output<S> & NeverCached<Kind>, z.input<S>> => {
  void kind;
  return schema as S & z.ZodType<z.output<S> & NeverCached<Kind>, z.input<S>>;
};

type Opaque = string | number | bigint | boolean | symbol | null | undefined | Date | ((...given: never[]) => unknown);
type Deeper = [never, 0, 1, 2, 3, 4, 5, 6];

/** True where a type, or something in it down to seven levels, is marked. */
export type HoldsUncached<T, Depth extends number = 7> =
  [Depth] extends [never] ? false
    : T extends unknown
      ? typeof uncachedMark extends keyof T ? true
        : T extends Opaque ? false
          : T extends readonly (infer E)[] ? HoldsUncached<E, Deeper[Depth]>
            : T extends ReadonlyMap<infer K, infer V> ? HoldsUncached<K | V, Deeper[Depth]>
              : T extends ReadonlySet<infer E> ? HoldsUncached<E, Deeper[Depth]>
                : T extends object ? { [K in keyof T]-?: HoldsUncached<T[K], Deeper[Depth]> }[keyof T]
                  : false
      : never;

/** What a cache demands of its values. Where they hold something that is never cached, nothing satisfies it, and the program does not compile. */
export type Cacheable<V> = true extends HoldsUncached<V> ? { readonly 'this value is never cached': never } : unknown;
