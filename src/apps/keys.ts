import { join } from 'node:path';
import { fileKek, transitKek } from '#adapters/kms';
import { ConfigFault, environment, envText, errorFields, readConfig, setting, type Breakers, type CellContext, type Clock, type Log } from '#kernel';
import { KEYS_FRESH_MS, refreshTenantKeys } from '#spine/vault';
import type { Kek } from '#spine/vault/port';

/** Where the key-encryption key lives. */
export const kekConfig = {
  url: setting('EXCHEQUER_KEK_URL', 'key service with the Transit API: base address with its mount, such as https://vault.example:8200/v1/transit', envText()),
  key: setting('EXCHEQUER_KEK_KEY', 'name of the key at the key service; exchequer unless said', envText('exchequer')),
  token: setting('EXCHEQUER_KEK_TOKEN', 'secret for the key service', envText()),
  namespace: setting('EXCHEQUER_KEK_NAMESPACE', 'namespace at the key service, where it has any', envText()),
};

/** An agent on this machine (a sidecar that holds the real credential) may be reached in clear. */
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

function faultsOf(url: string, token: string | undefined, production: boolean): string[] {
  const at = URL.canParse(url) ? new URL(url) : undefined;
  if (!at || !['https:', 'http:'].includes(at.protocol)) return ['EXCHEQUER_KEK_URL: is no http(s) address'];
  return [
    ...(token ? [] : ['EXCHEQUER_KEK_TOKEN: the key service wants a secret']),
    ...(production && at.protocol === 'http:' && !LOOPBACK.test(at.hostname) ? ['EXCHEQUER_KEK_URL: keys travel over https only'] : []),
  ];
}

/**
 * The key service that the environment names, asked once so that a wrong name or secret fails the start and not the first request; without one
 * the key file, which production refuses. Throws ConfigFault.
 */
export async function openKek(file: string, breakers?: Breakers): Promise<Kek> {
  const env = environment();
  const { url, key, token, namespace } = readConfig(kekConfig, env);
  const production = env.NODE_ENV === 'production';
  if (!url) {
    if (production) throw new ConfigFault(['EXCHEQUER_KEK_URL: no key service is configured, and the local key file is refused in production']);
    return fileKek(file);
  }
  const faults = faultsOf(url, token, production);
  if (faults.length) throw new ConfigFault(faults);
  const kek = transitKek({ base: url, key: key as string, token: token as string, namespace, ...(breakers ? { breaker: breakers.of('keys') } : {}) });
  const probe = Buffer.from('exchequer start');
  try {
    if (!(await kek.unwrap(await kek.wrap(probe, 'start'), 'start')).equals(probe)) throw new Error('another text came back');
  } catch (error) {
    throw new ConfigFault([`EXCHEQUER_KEK_URL: ${error instanceof Error ? error.message : 'the key service does not answer'}`]);
  }
  return kek;
}

/** Where the key file of a data folder lies. */
export const kekFile = (dataDir: string): string => join(dataDir, 'keys', 'kek');

/** Reads which keys the tenants have, again and again until the returned function is called: a new one seals nowhere before every process has it. */
export const followKeys = (cells: Iterable<CellContext>, { clock, log }: { readonly clock: Clock; readonly log: Log }): () => void =>
  clock.every(KEYS_FRESH_MS, () => {
    for (const cell of cells) {
      refreshTenantKeys(cell).catch((error: unknown) => log.warn('vault.keys-not-read', { cell: cell.name, ...errorFields(error) }));
    }
  });
