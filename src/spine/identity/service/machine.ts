import { createHmac, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { idOf, perform, provide, token, uuid, uuidOf, type Actor, type Authenticator, type Provided, type Tx, type Uuid } from '#kernel';
import { tenantKeys } from '#spine/vault';
import { insertMachine, machineById, machineByName } from '../store.ts';

/** A signed request may be this old or this far ahead. */
export const SIGNATURE_AGE_MS_MAX = 5 * 60_000;
const KNOWN_MS = 30_000;
const SECRET_BYTES = 32;
const HEADER = { key: 'x-exchequer-key', at: 'x-exchequer-timestamp', signature: 'x-exchequer-signature' };

interface Known { readonly secret: string; readonly permissions: readonly string[]; readonly atMs: number }
const Machines = token<LRUCache<string, Known>>('identity.machines');
export const machinesState: Provided = provide(Machines, () => new LRUCache<string, Known>({ max: 10_000 }));

const placeOf = (id: string): { table: string; column: string; row: string } => ({ table: 'identity.machine', column: 'secret', row: id });

export interface MachineKey { readonly id: `mac_${string}`; readonly secret: string }

/** Makes a machine known, or finds the one of this name; its secret is given to whoever sets the other side up. */
export async function ensureMachine(tx: Tx, name: string, permissions: readonly string[]): Promise<MachineKey> {
  const known = await machineByName(tx.sql, name);
  if (known) return { id: idOf('mac', known.id), secret: tenantKeys(tx).open(placeOf(known.id), known.secret) };
  const id = tx.uuid();
  const secret = tx.random.bytes(SECRET_BYTES).toString('base64url');
  await insertMachine(tx.sql, tx.tenant.id, { id, name, secret: tenantKeys(tx).seal(placeOf(id), secret), permissions: [...permissions], disabled_at: null },
    tx.now);
  tx.audit({ action: 'identity.machine-added', result: 'done', resource: `mac_${id}`, detail: { permissions: permissions.join(' ') } });
  return { id: idOf('mac', id), secret };
}

/** Signs a body as a machine's request does: HMAC-SHA-256 over `<seconds>.<body>`. */
export function signatureHeaders(key: MachineKey, body: Uint8Array | string, nowMs: number): Record<string, string> {
  const at = String(Math.floor(nowMs / 1000));
  return { [HEADER.key]: key.id, [HEADER.at]: at, [HEADER.signature]: `v1=${sign(key.secret, at, body)}` };
}
const sign = (secret: string, at: string, body: Uint8Array | string): string =>
  createHmac('sha256', Buffer.from(secret, 'base64url')).update(`${at}.`).update(body).digest('hex');

/** Knows machines by the signature over their body. */
export const machineAuthenticator: Authenticator = {
  name: 'identity.machine',
  async authenticate({ cell, tenant, clock }, credentials) {
    const header = (name: string): string => { const v = credentials.headers[name]; return typeof v === 'string' ? v : ''; };
    const keyId = header(HEADER.key);
    if (!/^mac_[0-9a-f]{32}$/.test(keyId)) return undefined;
    const atMs = Number.parseInt(header(HEADER.at), 10) * 1000;
    if (!(Math.abs(clock.now().getTime() - atMs) <= SIGNATURE_AGE_MS_MAX)) return undefined;
    const id: Uuid = uuidOf(keyId as `mac_${string}`);
    const cache = cell.use(Machines);
    const name = `${tenant.id}${id}`;
    let known = cache.get(name);
    if (!known || clock.monotonicMs() - known.atMs > KNOWN_MS) {
      const row = await perform(cell, tenant, { actor: { kind: 'system', name: 'identity.machine' }, trace: '0'.repeat(32) }, async (tx) => {
        const found = await machineById(tx.sql, id);
        return found && !found.disabled_at ? { secret: tenantKeys(tx).open(placeOf(found.id), found.secret), permissions: found.permissions } : undefined;
      });
      if (!row) return undefined;
      known = { ...row, atMs: clock.monotonicMs() };
      cache.set(name, known);
    }
    const expected = Buffer.from(`v1=${sign(known.secret, header(HEADER.at), credentials.body ?? '')}`);
    const given = Buffer.from(header(HEADER.signature));
    if (expected.length !== given.length || !timingSafeEqual(expected, given)) return undefined;
    const actor: Actor = { kind: 'machine', id: uuid(id), permissions: known.permissions };
    return { actor, bySecret: 'header' };
  },
};
