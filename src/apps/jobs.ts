import { perform } from '#kernel';
import { dead, drop, retry } from '#spine/jobs';
import { plainOf, UsageFault } from './args.ts';
import { operatorOrigin, reach, tenantOf } from './reach.ts';

const USAGE = 'exchequer jobs dead|retry|drop [<job>] --tenant <slug>: lists dead letters, gives one its tries anew, or lets it go';

/** `exchequer jobs dead|retry|drop` */
export async function jobs(args: readonly string[]): Promise<number> {
  const [what, job] = plainOf(args, ['--tenant', '--data']);
  if (!what || !['dead', 'retry', 'drop'].includes(what) || (what !== 'dead' && !/^\d{1,18}$/.test(job ?? ''))) throw new UsageFault(USAGE);
  return reach(args, async (reached) => {
    const { tenant, cell } = await tenantOf(reached, args);
    const by = operatorOrigin(['jobs:read', 'jobs:decide']);
    const say = (line: string): void => void process.stdout.write(`${line}\n`);
    if (what === 'dead') {
      const listed = await perform(cell, tenant, by, (tx) => dead(tx, {}));
      for (const j of listed.ok ? listed.value.jobs : []) say(`${j.job}  ${j.name}  ${j.deadAt.toISOString()}  ${j.attempts} tries  ${j.error ?? ''}`);
      return 0;
    }
    const answer = await perform(cell, tenant, by, (tx) => (what === 'retry' ? retry : drop)(tx, { params: { job: job as string } }));
    say(answer.ok ? `${what === 'retry' ? 'it will be tried again' : 'it was let go'}: ${job}` : answer.problem.title);
    return answer.ok ? 0 : 1;
  });
}
