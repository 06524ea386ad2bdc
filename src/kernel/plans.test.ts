import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectAs, house, type House } from '#test';
import { systemClock } from './clock.ts';
import { plansAreOld } from './plans.ts';
import { Pool } from './sql.ts';

let h: House;
let pool: Pool;
beforeAll(async () => {
  h = await house({ serve: ['IN'] });
  // One connection, whose plans are kept as the program's are.
  pool = new Pool({ connection: connectAs(h.connections[0] as House['connections'][number], 'app'), max: 1, waitingMax: 1, onError: () => undefined,
    options: '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off' });
});
afterAll(async () => {
  await pool.close();
  await h.stop();
});

it('throws plans away when they are half as old as their connection', () => {
  const client = {};
  const thrown: number[] = [];
  for (let ms = 0; ms <= 100_000; ms += 500) if (plansAreOld(client, ms)) thrown.push(ms);
  expect(thrown).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 64_000]);
  expect(plansAreOld({}, 1_000_000)).toBe(false);
});

/** What the connection would do now for a statement that it has prepared. */
const planOf = async (name: string): Promise<string> => pool.with(async (c) =>
  (await c.query(`explain (costs off) execute ${name} ('{}')`)).rows.map((r) => String(r['QUERY PLAN'])).join('\n'));

it('a plan made while the table was empty does not last', async () => {
  const su = h.sql('IN', 'superuser');
  await su('create table public.probe (tenant uuid not null, id uuid not null, other uuid not null, primary key (tenant, id))');
  await su('create unique index probe_other on public.probe (tenant, other)');
  await su('grant select on public.probe to public');
  await su('vacuum analyze public.probe');
  const tenant = h.tenant().id;
  const read = (): Promise<unknown> => pool.with((c) => c.query({ name: 'probe', values: [`{${tenant}}`],
    text: `select p.* from unnest($1::uuid[]) u (i) cross join lateral (select * from public.probe where tenant = '${tenant}' and id = u.i offset 0) p` }));
  await read();
  const before = await planOf('probe');
  expect(before).toContain('probe_other');
  await su(`insert into public.probe select '${tenant}', gen_random_uuid(), gen_random_uuid() from generate_series(1, 20000)`);
  expect(await planOf('probe')).toBe(before);
  await systemClock.sleep(1100);
  await read();
  expect(await planOf('probe')).toMatch(/probe_pkey[\s\S]*id = u\.i/);
});

it('and nobody is told that they sent a statement more', async () => {
  await systemClock.sleep(2100);
  expect(await pool.with(async (c) => {
    await c.query({ name: 'one', text: 'select 1', values: [] });
    return c.sent;
  })).toBe(1);
});
