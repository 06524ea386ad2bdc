import { perform } from '#kernel';
import { addMachine, disableMachine, machines } from '#spine/identity';
import { plainOf, textOf, UsageFault } from './args.ts';
import { operatorOrigin, reach, tenantOf } from './reach.ts';

const USAGE = `exchequer machine add <tenant> <name> --permissions <permission>[,<permission>…] | list <tenant> | disable <tenant> <name or mac_…>
A machine is a program that may call us: an authority that sends its feed (taxrefund:feed), a provider that tells what became of messages (notify:receipts).
Its key is printed once. The key's id goes with each request in x-exchequer-key, the second in x-exchequer-timestamp, and in x-exchequer-signature
v1=<hex of HMAC-SHA-256 over "<second>\\n<method> <path and query as sent>\\n<Idempotency-Key, or nothing>\\n<body>">; the HMAC's key is the
secret's bytes, which are printed in base64url.`;
const out = (text: string): void => void process.stdout.write(`${text}\n`);

/** `exchequer machine …`: the programs that may call for a tenant. A key is shown once, here. */
export async function machine(args: readonly string[]): Promise<number> {
  const [what = '', slug, ...words] = plainOf(args, ['--data', '--permissions']);
  const name = words.join(' ');
  const permissions = textOf(args, '--permissions')?.split(',').map((p) => p.trim()).filter(Boolean);
  const known = ['add', 'list', 'disable'].includes(what);
  if (!known || slug === undefined || (what === 'list') !== (name === '') || (what === 'add' && !permissions?.length)) throw new UsageFault(USAGE);
  return reach(args, async (reached) => {
    const { tenant, cell } = await tenantOf(reached, args, slug);
    const by = operatorOrigin([]);
    if (what === 'list') {
      const all = await perform(cell, tenant, by, machines);
      for (const m of all) out(`${m.disabledAt ? 'disabled' : 'active  '} ${m.machine} ${m.name}  ${m.permissions.join(',')}`);
      return 0;
    }
    if (what === 'disable') {
      const gone = await perform(cell, tenant, by, (tx) => disableMachine(tx, name));
      out(gone.ok ? `${name} is out: its next request is refused` : gone.problem.title);
      return gone.ok ? 0 : 1;
    }
    const made = await perform(cell, tenant, by, (tx) => addMachine(tx, name, permissions ?? []));
    if (!made.ok) {
      out(`${made.problem.title} ${Array.isArray(made.data.known) ? `Known are: ${made.data.known.join(', ')}` : made.problem.doc}`);
      return 1;
    }
    out(`${name} is known. Hand its key over; it is not shown again:\nkey     ${made.value.id}\nsecret  ${made.value.secret}`);
    return 0;
  });
}
