import { useRef } from 'react';

/**
 * Keys of what is asked once: the same question again, after a lost answer, has the same key; another one has its own. A refusal ends the
 * key, since it would be answered again by itself after its cause is gone.
 */
export function useKeys(): { keyOf: (asked: string) => string; end: () => void } {
  const held = useRef<{ asked: string; key: string }>(undefined);
  return {
    keyOf: (asked) => {
      if (held.current?.asked !== asked) held.current = { asked, key: crypto.randomUUID() };
      return held.current.key;
    },
    end: () => { held.current = undefined; },
  };
}
