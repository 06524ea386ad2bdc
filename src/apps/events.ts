import { perform, spineTransact } from '#kernel';
import { decideParked, replayFrom } from '#spine/events';
import { plainOf, textOf, UsageFault } from './args.ts';
import { operatorOrigin, reach, tenantOf } from './reach.ts';

const USAGE = `exchequer events replay --subscriber <name> --from <position> [--cell <name>]: gives a subscriber everything behind a position again
exchequer events release|skip --tenant <slug> --subscriber <name> --key <key>: lets parked events of a key have their effect, or all but the first`;

/** `exchequer events replay|release|skip` */
export async function events(args: readonly string[]): Promise<number> {
  const [what] = plainOf(args, ['--tenant', '--data', '--subscriber', '--from', '--key', '--cell']);
  const subscriber = textOf(args, '--subscriber');
  if (!what || !['replay', 'release', 'skip'].includes(what) || subscriber === undefined) throw new UsageFault(USAGE);
  return reach(args, async (reached) => {
    const say = (line: string): void => void process.stdout.write(`${line}\n`);
    if (what === 'replay') {
      const from = textOf(args, '--from');
      if (from === undefined || !/^\d{1,18}$/.test(from)) throw new UsageFault(USAGE);
      for (const [name, cell] of reached.cells) {
        if (textOf(args, '--cell') !== undefined && textOf(args, '--cell') !== name) continue;
        const parts = await spineTransact(cell, (tx) => replayFrom(tx.sql, subscriber, BigInt(from)));
        say(`${name}: ${parts.length} parts of ${subscriber} go on behind ${from}`);
      }
      return 0;
    }
    const key = textOf(args, '--key');
    if (key === undefined) throw new UsageFault(USAGE);
    const { tenant, cell } = await tenantOf(reached, args);
    const answer = await perform(cell, tenant, operatorOrigin(['events:decide']), (tx) =>
      decideParked(tx, { params: { subscriber, key, decision: what as 'release' | 'skip' } }));
    say(answer.ok ? `${answer.value.events} events of ${key} are released` : answer.problem.title);
    return answer.ok ? 0 : 1;
  });
}
