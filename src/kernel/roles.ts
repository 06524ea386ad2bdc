import { uuid, type Uuid } from './id.ts';
import { sqlOf, Unavailable, type SqlTag } from './sql.ts';
import type { CellContext } from './tx.ts';

/** What a spine process sees: its own tables of all tenants, no tenant's rows of a module. */
export interface SpineTx { readonly sql: SqlTag; readonly now: Date }

/** A transaction of the `spine` database role: relay, claim, sequencer. */
export function spineTransact<T>(cell: CellContext, run: (tx: SpineTx) => Promise<T>): Promise<T> {
  return cell.pools.spine.with(async (connection) => {
    try {
      const now = await connection.begin();
      const result = await run({ sql: sqlOf((what) => connection.query(what)), now });
      if ((await connection.commit()).command !== 'COMMIT') throw new Error('the transaction was rolled back');
      return result;
    } catch (error) {
      await connection.settle();
      await connection.query('rollback').catch(() => undefined);
      throw error;
    }
  });
}

/** Statements of the `spine` database role that need no transaction around them: each is one by itself, in one round trip. */
export const spineStatement = <T>(cell: Pick<CellContext, 'pools'>, run: (sql: SqlTag) => Promise<T>): Promise<T> =>
  cell.pools.spine.with((connection) => run(sqlOf((what) => connection.query(what))));

/** Reads of one tenant by the `auditor` database role, in one snapshot. */
export function auditorRead<T>(cell: CellContext, tenant: Uuid, run: (tx: SpineTx) => Promise<T>): Promise<T> {
  return cell.pools.auditor.with(async (connection) => {
    try {
      const opening = await connection.query(
        `begin isolation level repeatable read read only; set local app.tenant = '${uuid(tenant)}'; select clock_timestamp() as now`,
      ) as unknown as { rows: { now: Date }[] }[];
      return await run({
        sql: sqlOf((what) => connection.query(what)),
        now: opening.at(-1)?.rows[0]?.now as Date,
      });
    } finally {
      await connection.settle();
      await connection.query('rollback').catch((error: unknown) => { throw new Unavailable('the read could not be closed', error); });
    }
  });
}
