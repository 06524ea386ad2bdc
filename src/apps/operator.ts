import { perform } from '#kernel';
import { changeRole, disableOperator, enableOperator, inviteOperator, operators, relinkOperator, roles } from '#spine/operators';
import { plainOf, textOf, UsageFault } from './args.ts';
import { operatorOrigin, reach, tenantOf } from './reach.ts';

const USAGE = `exchequer operator add <name> --role <role> | role <name> --role <role> | link <name> | disable <name> | enable <name> | list
  [--tenant <slug>] [--site <address>]
roles: ${Object.keys(roles).join(', ')}`;
const out = (text: string): void => void process.stdout.write(`${text}\n`);

/** The page that a link opens, at a tenant's address. */
export const enrolAddress = (site: string, link: string): string => `${site}/operator/enrol?link=${link}`;

/** `exchequer operator …`: who works for a tenant. A link is shown once, here, and works once. */
export async function operator(args: readonly string[]): Promise<number> {
  const [what = '', ...words] = plainOf(args, ['--tenant', '--data', '--role', '--site']);
  const name = words.join(' ');
  const role = textOf(args, '--role');
  const known = ['add', 'role', 'link', 'disable', 'enable', 'list'].includes(what);
  if (!known || (what !== 'list' && name === '') || (['add', 'role'].includes(what) && role === undefined)) throw new UsageFault(USAGE);
  return reach(args, async (reached) => {
    const { tenant, cell } = await tenantOf(reached, args);
    const by = operatorOrigin(['operators:manage']);
    if (what === 'list') {
      for (const o of await perform(cell, tenant, by, operators)) out(`${o.state.padEnd(9)} ${o.role.padEnd(14)} ${o.name}`);
      return 0;
    }
    if (what === 'disable' || what === 'enable' || what === 'role') {
      const changed = await perform(cell, tenant, by, (tx) =>
        (what === 'role' ? changeRole(tx, name, role as string) : what === 'enable' ? enableOperator(tx, name) : disableOperator(tx, name)));
      const said = { role: `is ${role as string} from now on`, enable: 'may sign in again', disable: 'is out; open sessions have ended' };
      out(changed.ok ? `${name} ${said[what]}` : changed.problem.title);
      return changed.ok ? 0 : 1;
    }
    const made = await perform(cell, tenant, by, (tx) => (what === 'add' ? inviteOperator(tx, name, role as string) : relinkOperator(tx, name)));
    if (!made.ok) {
      out(made.problem.title);
      return 1;
    }
    const site = textOf(args, '--site') ?? `https://${tenant.hosts[0] ?? tenant.slug}`;
    out(`Hand this link to ${name}; it works once, until this time tomorrow:\n${enrolAddress(site.replace(/\/+$/, ''), made.value.link)}`);
    return 0;
  });
}
