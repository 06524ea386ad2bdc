import { createHmac, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { z } from 'zod';
import {
  common, done, idOf, Manifests, perform, productOf, provide, refuse, token, uuid, uuidOf, type Actor, type Authenticator, type Gate, type Origin,
  type Outcome, type Problem, type Provided, type Refused, type SectionTx, type Tx, type Uuid,
} from '#kernel';
import { tenantKeys } from '#spine/vault';
import {
  MACHINE_NAME, machineKnown, machineNameWrong, machineUnknown, MACHINES_LISTED_MAX, permissionUnknown, type zAddMachine, type zChangedMachine, type zMachine,
  type zMachines, type zMadeMachine, type zOfMachine,
} from '../contract.ts';
import { disabledMachines, insertMachine, listMachines, machineById, machineByName, noteDisabled, type ListedMachineRow } from '../store.ts';

/** A signed request may be this old or this far ahead. */
export const SIGNATURE_AGE_MS_MAX = 5 * 60_000;
const KNOWN_MS = 30_000;
const SECRET_BYTES = 32;
const KEY_ID = /^mac_[0-9a-f]{32}$/;
const HEADER = { key: 'x-exchequer-key', at: 'x-exchequer-timestamp', signature: 'x-exchequer-signature', idempotency: 'idempotency-key' };

interface Known { readonly secret: string; readonly permissions: readonly string[]; readonly atMs: number }
const Machines = token<LRUCache<string, Known>>('identity.machines');
export const machinesState: Provided = provide(Machines, () => new LRUCache<string, Known>({ max: 10_000 }));

const placeOf = (id: string): { table: string; column: string; row: string } => ({ table: 'identity.machine', column: 'secret', row: id });
const cacheName = (tenant: string, id: string): string => `${tenant}${id}`;

export interface MachineKey { readonly id: `mac_${string}`; readonly secret: string }

/** A new machine with a key of its own; undefined where its name is taken. */
async function make(tx: Tx, name: string, permissions: readonly string[]): Promise<MachineKey | undefined> {
  const id = tx.uuid();
  const secret = tx.random.bytes(SECRET_BYTES).toString('base64url');
  const row = { id, name, secret: tenantKeys(tx).seal(placeOf(id), secret), permissions: [...permissions], created_at: tx.now, disabled_at: null };
  if (!(await insertMachine(tx.sql, tx.tenant.id, row)).length) return undefined;
  tx.audit({ action: 'identity.machine-added', result: 'done', resource: idOf('mac', id), detail: { permissions: permissions.join(' ') } });
  return { id: idOf('mac', id), secret };
}

/** Makes a machine known, or finds the one of this name; its secret is given to whoever sets the other side up. For the demo and tests only. */
export async function ensureMachine(tx: Tx, name: string, permissions: readonly string[]): Promise<MachineKey> {
  const known = await machineByName(tx.sql, name);
  if (known) return { id: idOf('mac', known.id), secret: tenantKeys(tx).open(placeOf(known.id), known.secret) };
  const made = await make(tx, name, permissions);
  if (!made) throw new Error('a machine of this name was made at the same time');
  return made;
}

const refused = (tx: Tx, action: string, problem: Problem, data?: Readonly<Record<string, unknown>>): Refused => {
  tx.audit({ action, result: 'refused', problem: problem.code });
  return refuse(problem, data);
};

/** What a machine of this tenant may be given: what manifests name, but nothing that is a person's to do, nor of a product that is not the tenant's. */
function offered(tx: Tx): { permission: string; doc: string }[] {
  const here = tx.use(Manifests).filter((m) => { const product = productOf(m); return product === undefined || tx.tenant.products.includes(product); });
  return here.flatMap((m) => Object.entries(m.permissions ?? {}).filter(([permission]) => !m.forPeople?.includes(permission))
    .map(([permission, doc]) => ({ permission, doc })))
    .toSorted((a, b) => (a.permission < b.permission ? -1 : 1));
}

/** Makes a machine known. Its key is answered this once: the row keeps it sealed, and nothing shows it again. */
export async function addMachine(tx: Tx, name: string, permissions: readonly string[]): Promise<Outcome<MachineKey>> {
  const action = 'identity.machine-added';
  const known = offered(tx).map((o) => o.permission);
  const asked = [...new Set(permissions)];
  if (!MACHINE_NAME.test(name)) return refused(tx, action, machineNameWrong);
  if (!asked.length || asked.some((p) => !known.includes(p))) return refused(tx, action, permissionUnknown, { known });
  const made = await make(tx, name, asked);
  return made ? done(made) : refused(tx, action, machineKnown);
}

export type ListedMachine = z.output<typeof zMachine>;
const listed = (r: ListedMachineRow): ListedMachine =>
  ({ machine: idOf('mac', r.id), name: r.name, permissions: r.permissions, createdAt: r.created_at, disabledAt: r.disabled_at });

/** The tenant's machines, the oldest first, without their keys. */
export async function machines(tx: Tx): Promise<ListedMachine[]> {
  const rows = await listMachines(tx.sql, tx.tenant.id, MACHINES_LISTED_MAX);
  tx.audit({ action: 'identity.machines-listed', result: 'done', detail: { machines: rows.length } });
  return rows.map(listed);
}

/** Keeps a machine out from its next request on, in every process: the gate reads its row. `whom` is its name, or its id `mac_…`. */
export async function disableMachine(tx: Tx, whom: string): Promise<Outcome<{ id: `mac_${string}` }>> {
  const action = 'identity.machine-disabled';
  const row = KEY_ID.test(whom) ? await machineById(tx.sql, uuidOf(whom as `mac_${string}`)) : await machineByName(tx.sql, whom);
  if (!row) return refused(tx, action, machineUnknown);
  const id = idOf('mac', row.id);
  await noteDisabled(tx.sql, tx.tenant.id, row.id, tx.now);
  tx.audit({ action, result: 'done', resource: id });
  return done({ id });
}

/** As `machines`, with what another one may be given. */
export async function readMachines(tx: Tx): Promise<Outcome<z.output<typeof zMachines>>> {
  return done({ machines: await machines(tx), permissions: offered(tx) });
}

export async function readMachine(tx: Tx, { params }: z.output<typeof zOfMachine>): Promise<Outcome<ListedMachine>> {
  const row = await machineById(tx.sql, uuidOf(params.machine));
  if (!row) return refused(tx, 'identity.machine-read', machineUnknown);
  tx.audit({ action: 'identity.machine-read', result: 'done', resource: params.machine });
  return done(listed(row));
}

export async function registerMachine(tx: Tx, { body }: z.output<typeof zAddMachine>): Promise<Outcome<z.output<typeof zMadeMachine>>> {
  const made = await addMachine(tx, body.name, body.permissions);
  return made.ok ? done({ machine: made.value.id, name: body.name, secret: made.value.secret }) : made;
}

export async function shutMachine(tx: Tx, { params }: z.output<typeof zOfMachine>): Promise<Outcome<z.output<typeof zChangedMachine>>> {
  const gone = await disableMachine(tx, params.machine);
  return gone.ok ? done({ machine: gone.value.id }) : gone;
}

const NONE: readonly undefined[] = [];

/** Lets a machine's request pass only while its row is not disabled, in the transaction of the request itself: keys are kept for a while, this is not. */
export const machineGate: Gate = {
  name: 'identity.machine',
  check(tx: SectionTx, items: readonly Origin[]) {
    const ids = [...new Set(items.flatMap((i) => (i.actor.kind === 'machine' ? [i.actor.id] : [])))];
    if (!ids.length) return undefined;
    return disabledMachines(tx.sql, tx.tenant.id, ids).then((rows) => {
      if (!rows.length) return NONE;
      const disabled = new Set(rows.map((r) => r.id));
      for (const id of disabled) tx.use(Machines).delete(cacheName(tx.tenant.id, id));
      // As to a key that nobody knows.
      return items.map((i): Refused | undefined => (i.actor.kind === 'machine' && disabled.has(i.actor.id) ? refuse(common.signedOut) : undefined));
    });
  },
};

/**
 * Signs a request as a machine does: HMAC-SHA-256 over the second, method and target, the idempotency key (nothing where there is none), each ended
 * by a line feed, and the body. `request` is method and target as the request line has them, such as `POST /api/tax-refunds/feed?x=1`.
 */
export function signatureHeaders(key: MachineKey, request: `${string} /${string}`, body: Uint8Array | string, nowMs: number, idempotencyKey?: string):
  Record<string, string> {
  const at = String(Math.floor(nowMs / 1000));
  const more = idempotencyKey === undefined ? {} : { [HEADER.idempotency]: idempotencyKey };
  return { ...more, [HEADER.key]: key.id, [HEADER.at]: at, [HEADER.signature]: `v1=${sign(key.secret, [at, request, idempotencyKey ?? ''], body)}` };
}
// No header and no request line holds a line feed, so no two requests give the same bytes. Node reads both as one byte a character.
const sign = (secret: string, lines: readonly [at: string, request: string, idempotencyKey: string], body: Uint8Array | string): string =>
  createHmac('sha256', Buffer.from(secret, 'base64url')).update(`${lines.join('\n')}\n`, 'latin1').update(body).digest('hex');

/** Knows machines by the signature over their request. */
export const machineAuthenticator: Authenticator = {
  name: 'identity.machine',
  async authenticate({ cell, tenant, clock }, credentials) {
    const header = (name: string): string => { const v = credentials.headers[name]; return typeof v === 'string' ? v : ''; };
    const keyId = header(HEADER.key);
    if (!KEY_ID.test(keyId)) return undefined;
    const atMs = Number.parseInt(header(HEADER.at), 10) * 1000;
    if (!(Math.abs(clock.now().getTime() - atMs) <= SIGNATURE_AGE_MS_MAX)) return undefined;
    const id: Uuid = uuidOf(keyId as `mac_${string}`);
    const cache = cell.use(Machines);
    const name = cacheName(tenant.id, id);
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
    const expected = Buffer.from(`v1=${sign(known.secret, [header(HEADER.at), credentials.request, header(HEADER.idempotency)], credentials.body ?? '')}`);
    const given = Buffer.from(header(HEADER.signature));
    if (expected.length !== given.length || !timingSafeEqual(expected, given)) return undefined;
    const actor: Actor = { kind: 'machine', id: uuid(id), permissions: known.permissions };
    return { actor, bySecret: 'header' };
  },
};
