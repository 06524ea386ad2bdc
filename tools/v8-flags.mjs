// What V8 is told for each command, for bin/exchequer.mjs and for the benches, which start the same program by themselves. Plain JavaScript on purpose:
// it is read by whatever Node starts the program.
import os from 'node:os';

// While a process begins, much of what it makes outlives a young generation that is still small. V8 concludes that such objects grow old, makes them
// old from then on, and all that hangs on them is kept until the whole heap is looked through.
const YOUNG = '--no-allocation-site-pretenuring';
// By its object: a Node too old to run the program has no such name to import, and must get as far as to say so.
const cores = os.availableParallelism?.() ?? os.cpus().length;
// The program's one thread waits for those that help it collect garbage: one that has no core of its own is waited for until it gets one.
const HELPERS = `--v8-pool-size=${Math.max(1, Math.min(4, cores - 1))}`;

// What a request goes through is many small functions in a row. V8 stops to put them into one another at a size that is meant for pages of the web.
const INLINE = ['--max-inlined-bytecode-size=1000', '--max-inlined-bytecode-size-cumulative=4000'];
/** A command that works through a file of any length: with these its memory stands still; without, V8 lets the heap grow until somebody asks for it back. */
export const INGEST_FLAGS = [YOUNG, '--max-semi-space-size=32', '--max-old-space-size=160', HELPERS, ...INLINE];
/** The server: a batch's requests outlive a young generation of the default size and are copied twice, a seventh of a transfer's processor time. */
export const SERVER_FLAGS = [YOUNG, '--max-semi-space-size=64', HELPERS, ...INLINE];
