import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { Unavailable, type Sheet } from '#kernel';
import type { Typesetter } from '#platform/edge/port';

/** Sheets that wait at once; what comes behind them is told to come again. */
export const SHEETS_WAITING_MAX = 64;
/** A sheet that takes longer than this ends the thread that sets it; the next one gets a new thread. */
const SHEET_MS_MAX = 20_000;

interface Waiting { readonly done: (pdf: Buffer) => void; readonly fail: (error: Error) => void }
export interface SetSheet { readonly id: number; readonly template: string; readonly data: string }
export type Answer = { readonly id: number; readonly pdf: Uint8Array } | { readonly id: number; readonly error: string };

const require = createRequire(import.meta.url);
/** Fonts come with the program, so that a sheet looks alike on every machine. Noto Sans, SIL Open Font License. */
const FONTS = [
  '@expo-google-fonts/noto-sans/400Regular/NotoSans_400Regular.ttf', '@expo-google-fonts/noto-sans/600SemiBold/NotoSans_600SemiBold.ttf',
  '@expo-google-fonts/noto-sans-devanagari/400Regular/NotoSansDevanagari_400Regular.ttf',
  '@expo-google-fonts/noto-sans-devanagari/600SemiBold/NotoSansDevanagari_600SemiBold.ttf',
];

/**
 * Sets sheets with Typst in a thread of its own, started with the first sheet; one process sets one sheet at a time. Rejects with Unavailable where
 * too many wait or the thread ended, and with an Error that repeats what Typst said of the template.
 */
export function typst(): Typesetter & { stop(): Promise<void> } {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let ids = 0;
  const lose = (lost: Worker, error: Error): void => {
    if (worker !== lost) return;
    worker = undefined;
    for (const one of waiting.values()) one.fail(error);
    waiting.clear();
  };
  const open = (): Worker => {
    const made = new Worker(new URL('./worker.ts', import.meta.url), { execArgv: [], workerData: { fonts: FONTS.map((font) => require.resolve(font)) } });
    made.on('message', (answer: Answer) => {
      const one = waiting.get(answer.id);
      waiting.delete(answer.id);
      if ('pdf' in answer) one?.done(Buffer.from(answer.pdf));
      else one?.fail(new Error(`the sheet could not be set: ${answer.error}`));
    });
    made.on('error', (error) => lose(made, new Unavailable('the typesetter failed', error)));
    made.on('exit', () => lose(made, new Unavailable('the typesetter ended')));
    return made;
  };
  return {
    async pdf({ template, data }: Sheet) {
      if (waiting.size >= SHEETS_WAITING_MAX) throw new Unavailable('too many sheets wait');
      const used = (worker ??= open());
      const id = (ids += 1);
      const late = AbortSignal.timeout(SHEET_MS_MAX);
      const end = (): void => void used.terminate();
      late.addEventListener('abort', end, { once: true });
      try {
        return await new Promise<Buffer>((done, fail) => {
          waiting.set(id, { done, fail });
          used.ref();
          used.postMessage({ id, template: template.href, data: JSON.stringify(data) } satisfies SetSheet);
        });
      } finally {
        late.removeEventListener('abort', end);
        // A thread that has nothing to do does not keep the program alive.
        if (!waiting.size) used.unref();
      }
    },
    async stop() { await worker?.terminate(); },
  };
}
