import type { SqlTag, Uuid } from '#kernel';

/** Which endpoints a test was sent to, among the newest deliveries of each. */
export const testedOf = async (sql: SqlTag, tenant: Uuid, type: string, looked: number): Promise<Set<string>> => new Set((await sql<{ id: string }>`
  select e.id from webhooks.endpoint e where e.tenant = ${tenant} and exists (
    select from (select message, manual from webhooks.delivery where endpoint = e.id order by id desc limit ${looked}) d
      join webhooks.message m on m.tenant = ${tenant} and m.id = d.message
    where d.manual and m.topic = ${type}::text)`).map((row) => row.id));
