import { mkdir, rm } from 'node:fs/promises';
import { environment, systemClock } from '#kernel';
import { textOf } from './args.ts';
import { embeddedCells } from './cells.ts';
import { dataFolder } from './folder.ts';
import { startSim, type Sim } from './sims.ts';

export interface Parties { readonly phones: readonly [Sim, Sim]; readonly relays: readonly [Sim, Sim]; readonly bank: Sim; readonly hook: Sim }
/** What runs or will soon run outside this process. */
export interface Begun {
  readonly dataDir: string; readonly args: readonly string[]; readonly tell: (what: string) => void;
  readonly server: ReturnType<typeof embeddedCells>; readonly parties: Promise<Parties>;
}

/** Some receipts come late, twice or in the wrong order, some say that a phone was not reached, and some never come: providers are like that. */
const RECEIPTS = ['--receipt-faults', '0.1'];
/** Two of each kind who carry messages, so that one that falls away can be seen to be passed over; and a bank. */
async function startParties(): Promise<Parties> {
  const [one, two, first, second, bank, hook] = await Promise.all([
    startSim('sms', RECEIPTS), startSim('sms', RECEIPTS), startSim('smtp'), startSim('smtp'), startSim('bank'), startSim('hook'),
  ]);
  return { phones: [one, two], relays: [first, second], bank, hook };
}

/** Tells each step with its time; the whole start stays within 20 lines. */
function teller(): (what: string) => void {
  let last = systemClock.monotonicMs();
  return (what) => {
    const now = systemClock.monotonicMs();
    process.stdout.write(`${`${((now - last) / 1000).toFixed(1)} s`.padStart(7)}  ${what}\n`);
    last = now;
  };
}

/** `exchequer demo [--reset] [--data <dir>]`: everything on this machine, loopback only. */
export async function demo(args: readonly string[]): Promise<number> {
  const env = environment();
  if (env.NODE_ENV === 'production') {
    process.stderr.write('The demo has made-up people and keys that anybody knows: it does not start with NODE_ENV=production.\n');
    return 1;
  }
  const dataDir = dataFolder(textOf(args, '--data'));
  if (args.includes('--reset')) await rm(dataDir, { recursive: true, force: true });
  const tell = teller();
  await mkdir(dataDir, { recursive: true });
  const [server, parties] = [embeddedCells(dataDir, ['IN', 'US']), startParties()];
  // Either may fail before the rest of the program is read, which waits for both and says why.
  for (const begun of [server, parties]) begun.catch(() => undefined);
  const { runDemo } = await import('./demo-program.ts');
  return runDemo({ dataDir, args, tell, server, parties });
}
