import type { SqlTag, Uuid } from '#kernel';

export interface ViewRow { readonly id: Uuid; readonly name: string; readonly search: string; readonly name_index: Buffer }

/** What one operator keeps of one room, the oldest first. */
export const viewsOf = (sql: SqlTag, tenant: Uuid, operator: Uuid, room: string, limit: number): Promise<ViewRow[]> => sql<ViewRow>`
  select id, name, search, name_index from console.view
  where tenant = ${tenant} and operator = ${operator} and room = ${room} order by saved_at, id limit ${limit}`;

/** Where one of the same name was saved meanwhile, that one stays. */
export const insertView = (sql: SqlTag, tenant: Uuid, operator: Uuid, room: string, v: ViewRow, now: Date): Promise<unknown[]> => sql`
  insert into console.view (tenant, id, operator, room, name, name_index, search, saved_at)
  values (${tenant}, ${v.id}, ${operator}, ${room}, ${v.name}, ${v.name_index}, ${v.search}, ${now})
  on conflict (tenant, operator, room, name_index) do nothing`;

export const writeSearch = (sql: SqlTag, tenant: Uuid, id: Uuid, search: string): Promise<unknown[]> => sql`
  update console.view set search = ${search} where tenant = ${tenant} and id = ${id}`;

export const deleteView = (sql: SqlTag, tenant: Uuid, operator: Uuid, id: Uuid): Promise<unknown[]> => sql`
  delete from console.view where tenant = ${tenant} and id = ${id} and operator = ${operator} returning 1`;
