import { expect, it } from 'vitest';
import { asSuperuser, connectionTo, dropDatabase, everyModule, makeDatabase, templateOf } from '#test';
import { migrate, migrationFiles } from '../src/apps/migrate.ts';

it('keeps the rows, positions and cursors of a log that was one table', async () => {
  await templateOf(everyModule);
  await makeDatabase('m_log');
  try {
    const events = everyModule.filter((m) => m.name === 'spine/events');
    const files = await migrationFiles(events);
    await asSuperuser('m_log', async (client) => {
      await client.query('create schema events; create schema house');
      await client.query('create table house.migration (module text, file text, sha256 text not null, applied_at timestamptz not null, primary key (module, file))');
      const [first] = files;
      await client.query(first?.text as string);
      await client.query("insert into house.migration values ($1, $2, $3, clock_timestamp())", [first?.module, first?.file, first?.sha256]);
      await client.query(`insert into events.log (tenant, topic, key, id, version, at, trace, data)
        select gen_random_uuid(), 't', 'k' || i, gen_random_uuid(), 1, clock_timestamp(), '', '{}' from generate_series(1, 50) i`);
      await client.query("select nextval(pg_get_serial_sequence('events.log', 'pos'))");
      await client.query("insert into events.subscriber (name, pos) values ('old', 20)");
      await client.query('alter schema events owner to exchequer_test_owner; alter schema house owner to exchequer_test_owner');
      for (const t of ['events.log', 'events.subscriber', 'events.parked',
        'house.migration']) await client.query(`alter table ${t} owner to exchequer_test_owner`);
    });
    await migrate(connectionTo('TEST', 'm_log', 'm_log'), events);
    await asSuperuser('m_log', async (client) => {
      expect((await client.query('select count(*)::int as n, max(pos) as top from events.log')).rows).toEqual([{ n: 50, top: 50n }]);
      expect((await client.query('select part, pos from events.cursor order by part')).rows).toEqual([0, 1, 2, 3].map((part) => ({ part, pos: 20n })));
      await client.query("insert into events.log (tenant, topic, key, id, version, at, trace, data) select tenant, 't', 'new', gen_random_uuid(), 1, at, '', '{}' from events.log limit 1");
      expect((await client.query("select pos from events.log where key = 'new'")).rows).toEqual([{ pos: 52n }]);
    });
  } finally {
    await dropDatabase('m_log');
  }
});
