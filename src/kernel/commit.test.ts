import { afterAll, beforeAll, expect, it } from 'vitest';
import { asSuperuser, house, type House } from '#test';
import { OutcomeUnknown, transact } from './index.ts';

let h: House;
beforeAll(async () => { h = await house(); });
afterAll(() => h.stop());

it('says that the outcome is not known when the connection is lost while the COMMIT is under way', async () => {
  const database = h.connections[0]?.database ?? '';
  // A trigger that waits at the commit gives time to cut the connection there.
  await asSuperuser(database, async (client) => {
    await client.query('create function house.wait() returns trigger language plpgsql as $$ begin perform pg_sleep(20); return null; end $$');
    await client.query(
      'create constraint trigger waits after insert on limits.bucket deferrable initially deferred for each row execute function house.wait()',
    );
  });
  const work = transact(h.cell(), h.cell().pools.app, [{
    tenant: h.tenant(), run: (tx) => tx.sql`insert into limits.bucket (tenant, key, tokens, at) values (${tx.tenant.id}, 'k', 1, ${tx.now})`,
  }]);
  const ended = expect(work).rejects.toBeInstanceOf(OutcomeUnknown);
  await asSuperuser(database, async (client) => {
    for (let cut = 0; cut === 0;) {
      cut =
        (
          await client.query(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query = 'commit' and state = 'active'",
          )
        ).rowCount ?? 0;
    }
    await client.query('drop trigger waits on limits.bucket');
  });
  await ended;
});
