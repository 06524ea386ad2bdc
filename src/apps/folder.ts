import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { canReach, serverIdentity } from '#adapters/postgres';
import { environment } from '#kernel';

/**
 * Where everything lies that this machine keeps: `--data`, else EXCHEQUER_DATA, else `.exchequer` here. PostgreSQL does not run as
 * root; where root works in a closed home folder, which its server could not enter, a folder under /var/lib is taken instead.
 */
export function dataFolder(asked: string | undefined): string {
  const named = asked ?? environment().EXCHEQUER_DATA;
  if (named !== undefined) return resolve(named);
  const here = resolve('.exchequer');
  const identity = serverIdentity(resolve('.'));
  if (canReach(resolve('.'), identity)) return here;
  return `/var/lib/exchequer-${createHash('sha256').update(here).digest('hex').slice(0, 8)}`;
}
