import { systemClock } from '#kernel';
import { keepHead, sequence, verifyChain } from '#spine/audit';
import { loadTenantKeys } from '#spine/vault';
import { modules } from './modules.ts';
import { reach, type Reached } from './reach.ts';

/** Checks every cell that this machine may open; resolves to the violations, the first one of each check. */
export async function verifyAll(reached: Pick<Reached, 'cells' | 'directory'>, tell: (line: string) => void): Promise<string[]> {
  const wrong: string[] = [];
  for (const cell of reached.cells.values()) {
    // What was committed a moment ago has no leaf yet: the window is closed before looking.
    while (await sequence(cell, { clock: systemClock }) > 0);
    const chain = await verifyChain(cell);
    if ('violation' in chain) {
      const { kind, pos, fact, detail } = chain.violation;
      wrong.push(`${cell.name} audit chain: ${kind} at position ${pos}${fact ? ` (fact ${fact})` : ''}: ${detail}`);
      tell(`${cell.name}  audit chain  ${wrong.at(-1)}`);
    } else {
      tell(`${cell.name}  audit chain  ${chain.leaves} facts in order`);
      await keepHead(cell);
    }
    for (const tenant of reached.directory.all().filter((t) => t.cell === cell.name)) {
      await loadTenantKeys(cell, tenant);
      for (const check of modules.flatMap((m) => m.checks ?? [])) {
        const found = await check.run({ cell, tenant });
        wrong.push(...found.map((f) => `${cell.name} ${tenant.slug} ${check.name}: ${f}`));
        tell(`${cell.name}  ${tenant.slug}  ${check.name}  ${found.length ? found[0] : 'ok'}`);
      }
    }
  }
  return wrong;
}

/** Checks all and says so; resolves to the exit code. */
export async function verifyReached(reached: Reached): Promise<number> {
  const wrong = await verifyAll(reached, (line) => void process.stdout.write(`${line}\n`));
  process.stdout.write(wrong.length ? `NOT SOUND: ${wrong[0]}\n` : 'everything holds\n');
  return wrong.length ? 1 : 0;
}

/** `exchequer verify`: exits 0 when all holds, else names the first violation and exits 1. */
export async function verify(args: readonly string[]): Promise<number> {
  return reach(args, verifyReached);
}
