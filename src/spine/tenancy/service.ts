import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { errorFields, newTrace, perform, spineTransact, uuid, type CellContext, type Clock, type Log } from '#kernel';
import { DIRECTORY_REFRESH_MS, TenantChanged, zTenantRecord, type TenantRecord } from './contract.ts';
import { allTenants, putTenant } from './store.ts';

/** The directory in memory: host → tenant → cell. */
export interface Directory {
  byHost(host: string): TenantRecord | undefined;
  bySlug(slug: string): TenantRecord | undefined;
  byId(id: string): TenantRecord | undefined;
  all(): readonly TenantRecord[];
  /** Reads the home cell again, or the file copy where this process has no credential for it. */
  refresh(): Promise<void>;
  /** Refreshes every 30 s until the returned function is called. */
  keepFresh(): () => void;
}

export interface DirectoryOptions {
  /** Absent in a process without the home cell's credential: it lives on the file copy. */
  home?: CellContext | undefined;
  /** Where the copy lies that outlives the home cell's absence. */
  file: string;
  clock: Clock;
  log: Log;
  /** What the tenants need in this process before they show: none is found until this has ended. */
  prepare?: (tenants: readonly TenantRecord[]) => Promise<void>;
}

export async function readTenants(home: CellContext): Promise<TenantRecord[]> {
  const rows = await spineTransact(home, (tx) => allTenants(tx.sql));
  return rows.map(({ clock_offset_ms, ...t }) => ({ ...t, id: uuid(t.id), clockOffsetMs: Number(clock_offset_ms) }));
}

/**
 * Adds a tenant or changes its settings in the home cell, and tells every process. The directory is the `spine` role's to write and the log is
 * `app`'s, so the news has a commit of its own: where a crash falls between, the look every 30 s is the net.
 */
export async function saveTenant(home: CellContext, tenant: TenantRecord): Promise<void> {
  await spineTransact(home, (tx) => putTenant(tx.sql, zTenantRecord.parse(tenant)));
  await perform(home, tenant, { actor: { kind: 'system', name: 'tenancy' }, trace: newTrace() }, async (tx) =>
    tx.emit(TenantChanged, tenant.slug, { slug: tenant.slug }));
}

/** Makes the directory; call `refresh` before first use. A host that nobody claims leads nowhere. */
export function createDirectory(o: DirectoryOptions): Directory {
  let tenants: readonly TenantRecord[] = [];
  let hosts = new Map<string, TenantRecord>();
  let slugs = new Map<string, TenantRecord>();
  let ids = new Map<string, TenantRecord>();

  const take = (list: readonly TenantRecord[]): void => {
    tenants = list;
    hosts = new Map(list.flatMap((t) => t.hosts.map((h) => [h, t] as const)));
    slugs = new Map(list.map((t) => [t.slug, t]));
    ids = new Map(list.map((t) => [t.id, t]));
  };

  const read = async (): Promise<void> => {
    if (!o.home) {
      const copy = z.array(zTenantRecord).parse(JSON.parse(await readFile(o.file, 'utf8')));
      await o.prepare?.(copy);
      take(copy);
      return;
    }
    const list = await readTenants(o.home);
    await o.prepare?.(list);
    take(list);
    // Written beside and renamed, so that a reader never sees half a directory.
    const beside = `${o.file}.${process.pid}.new`;
    await writeFile(beside, JSON.stringify(list, null, 1), { mode: 0o600 });
    await rename(beside, o.file);
  };
  // One after the other: a reading that began earlier and ended later would put the older list back.
  let turn: Promise<void> = Promise.resolve();
  const refresh = (): Promise<void> => (turn = turn.then(read, read));

  return {
    byHost: (host) => hosts.get(host),
    bySlug: (slug) => slugs.get(slug),
    byId: (id) => ids.get(id),
    all: () => tenants,
    refresh,
    keepFresh: () => o.clock.every(DIRECTORY_REFRESH_MS, () => {
      refresh().catch((error: unknown) => o.log.warn('tenancy.refresh-failed', errorFields(error)));
    }),
  };
}
