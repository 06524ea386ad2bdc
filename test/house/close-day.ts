/** Closes a business day in a process of its own, so that a test can kill it: `node --import bin/tsx-hook.mjs test/house/close-day.ts <json>`. */
import { createLog, newTrace, systemClock, type CivilDate } from '#kernel';
import type { TenantRecord } from '#spine/tenancy';
import { closeDay } from '../../src/apps/eod.ts';
import type { CellConnection } from '../../src/apps/migrate.ts';
import { modules } from '../../src/apps/modules.ts';
import { openCell } from '../../src/apps/runtime.ts';

const { connection, tenant, day } = JSON.parse(process.argv[2] ?? '') as { connection: CellConnection; tenant: TenantRecord; day: CivilDate };
const cell = openCell({ connection, modules, clock: systemClock, log: createLog({ level: 'silent' }), provided: [], sizes: { app: 2, batch: 1, spine: 1, auditor: 1 } });
const run = await closeDay(cell, tenant, { actor: { kind: 'system', name: 'close-day' }, trace: newTrace() }, day, () => undefined);
await cell.close();
process.exitCode = typeof run === 'string' ? 1 : 0;
