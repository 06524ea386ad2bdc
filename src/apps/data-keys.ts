import { perform, systemClock } from '#kernel';
import { listTenantKeys, rotateTenantKey } from '#spine/vault';
import { plainOf, UsageFault } from './args.ts';
import { operatorOrigin, reach, tenantOf } from './reach.ts';

const USAGE = `exchequer keys list | rotate <tenant>
Data keys of a tenant: which seals now, and how many persons' keys each has sealed. A new one seals ten minutes after it was made, then persons' keys
are sealed anew by it. It happens by itself after EXCHEQUER_KEY_DAYS.`;

/** `exchequer keys list|rotate <tenant>` */
export async function keys(args: readonly string[]): Promise<number> {
  const [what = '', slug] = plainOf(args, ['--data']);
  if (!['list', 'rotate'].includes(what) || slug === undefined) throw new UsageFault(USAGE);
  return reach(args, async (reached) => {
    const { tenant, cell } = await tenantOf(reached, args, slug);
    const say = (line: string): void => void process.stdout.write(`${line}\n`);
    if (what === 'list') {
      for (const k of await perform(cell, tenant, operatorOrigin([]), listTenantKeys)) {
        say(`${k.state.padEnd(7)} ${k.keyId}  seals from ${k.sealsFrom.toISOString()}  persons' keys: ${k.subjects}`);
      }
      return 0;
    }
    const made = await rotateTenantKey(cell, tenant, operatorOrigin([]), systemClock);
    say(made.ok ? `${made.value.keyId} seals from ${made.value.sealsFrom.toISOString()}` : `${made.problem.title} ${made.problem.doc}`);
    return made.ok ? 0 : 1;
  });
}
