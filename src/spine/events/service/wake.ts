import { hash } from 'node:crypto';
import {
  createSignal, errorFields, provide, spineStatement, systemRandom, type CellContext, type Clock, type Provided, type Signal, type Token, type Worker,
} from '#kernel';
import { NOTIFY_CHANNEL, RELAY_POLL_MS, TELL_PAUSE_MS, Wakeups } from '../contract.ts';
import { Bus } from '../port.ts';
import { notify, serverVersion } from '../store.ts';

/** The bus that is always there: NOTIFY on the cell's own database, outside any writer's transaction, where it would serialize commits. */
export function notifyBus(cell: Pick<CellContext, 'pools'>): Bus {
  const nameOf = (channel: string): string => `${NOTIFY_CHANNEL}_${hash('sha256', channel).slice(0, 16)}`;
  return {
    version: async () => `PostgreSQL ${await spineStatement(cell, serverVersion)}`,
    publish: async (channel, texts) => void await spineStatement(cell, (sql) => notify(sql, nameOf(channel), texts)),
    listen: (channel, heard, ready, ending) => cell.pools.spine.listen(nameOf(channel), (text) => (text === '' ? ready() : heard(text)), ending),
    close: async () => undefined,
  };
}

/** Within one process only: for tests, and where there is no other. */
export function memoryBus(): Bus {
  const listeners = new Map<string, Set<(text: string) => void>>();
  return {
    version: async () => 'in process',
    publish: async (channel, texts) => { for (const text of texts) for (const heard of listeners.get(channel) ?? []) heard(text); },
    async listen(channel, heard, ready, ending) {
      const all = listeners.get(channel) ?? new Set();
      listeners.set(channel, all.add(heard));
      ready();
      await new Promise<void>((done) => {
        ending.addEventListener('abort', () => done(), { once: true });
        if (ending.aborted) done();
      });
      all.delete(heard);
    },
    close: async () => undefined,
  };
}

/** A signal of a cell that is heard in every process: what a module waits on for its own tables. */
export interface ToldSignal {
  readonly state: Provided;
  /** Wakes who waits here and, within a moment, in the other processes; after the commit of what they are to find. */
  wake(at: Pick<CellContext, 'use'>): void;
}
export const toldSignal = (key: Token<Signal>, what: string): ToldSignal => ({
  state: provide(key, (cell) => {
    const signal = createSignal(cell.clock);
    cell.use(Wakeups).hear(what, () => signal.wake());
    return signal;
  }),
  wake(at) {
    at.use(key).wake();
    at.use(Wakeups).tell(what);
  },
});

interface Telling extends Wakeups { readonly me: string; take(): string[]; said(text: string): void; all(): void; wait(ending: AbortSignal): Promise<void> }

function makeWakeups(clock: Clock): Telling {
  const me = systemRandom.bytes(6).toString('hex');
  const hearing = new Map<string, (() => void)[]>();
  let told = new Set<string>();
  let waiting = new AbortController();
  const run = (what: string): void => { for (const go of hearing.get(what) ?? []) go(); };
  return {
    me,
    tell(what) {
      if (told.size === 0) waiting.abort('told');
      told.add(what);
    },
    hear(what, go) { hearing.set(what, [...hearing.get(what) ?? [], go]); },
    take() {
      const texts = [...told].map((what) => `${me} ${what}`);
      told = new Set();
      waiting = new AbortController();
      return texts;
    },
    // What this process told itself it knows.
    said(text) {
      const [who, what = ''] = text.split(' ');
      if (who !== me) run(what);
    },
    all() { for (const what of hearing.keys()) run(what); },
    wait: (ending) => (told.size ? Promise.resolve() : clock.sleep(RELAY_POLL_MS, AbortSignal.any([waiting.signal, ending]))),
  };
}
export const wakeupState: Provided = provide(Wakeups, (cell) => makeWakeups(cell.clock));
export const busState: Provided = provide(Bus, notifyBus);

async function telling(cell: CellContext, w: { signal: AbortSignal; clock: Clock;
  log: { warn(code: string, fields?: Record<string, unknown>): void } }): Promise<void> {
  const wakeups = cell.use(Wakeups) as Telling;
  const bus = cell.use(Bus);
  while (!w.signal.aborted) {
    await wakeups.wait(w.signal);
    const texts = wakeups.take();
    if (!texts.length) continue;
    // A hint that is lost costs a poll; the next one is tried again.
    await bus.publish(cell.name, texts).catch((error: unknown) => w.log.warn('events.not-told', errorFields(error)));
    await w.clock.sleep(TELL_PAUSE_MS, w.signal);
  }
}

/** In every process: tells the others what was committed here, and wakes those who wait here for what was committed there. */
export const hearer: Worker = {
  name: 'events.hearer', role: 'any',
  async run(w) {
    const wakeups = w.cell.use(Wakeups) as Telling;
    const ending = new AbortController();
    const stop = (): void => ending.abort();
    w.signal.addEventListener('abort', stop, { once: true });
    if (w.signal.aborted) stop();
    try {
      await Promise.race([
        w.cell.use(Bus).listen(w.cell.name, (text) => wakeups.said(text), () => wakeups.all(), ending.signal),
        telling(w.cell, { signal: ending.signal, clock: w.clock, log: w.log }),
      ]);
    } finally {
      w.signal.removeEventListener('abort', stop);
      ending.abort();
    }
  },
};
