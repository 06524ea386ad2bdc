import type { z } from 'zod';
import { common, done, idOf, refuse, uuidOf, type Outcome, type Tx, type Uuid } from '#kernel';
import { tenantKeys } from '#spine/vault';
import { VIEWS_MAX, viewsUsed, viewUnknown, type zNone, type zOfRoom, type zOfView, type zSave, type zViews } from './contract.ts';
import { deleteView, insertView, viewsOf, writeSearch, type ViewRow } from './store.ts';

/** Rooms' filters that operators keep under names of their own; nobody sees those of another. */

type Views = Promise<Outcome<z.output<typeof zViews>>>;
const place = (column: 'name' | 'search', row: Uuid): { table: string; column: string; row: string } => ({ table: 'console.view', column, row });
const operatorOf = ({ actor }: Tx): Uuid | undefined => (actor.kind === 'operator' ? actor.id : undefined);

async function shown(tx: Tx, operator: Uuid, room: string): Views {
  const keys = tenantKeys(tx.section);
  const views = (await viewsOf(tx.sql, tx.tenant.id, operator, room, VIEWS_MAX))
    .map((v) => ({ view: idOf('cvw', v.id), name: keys.open(place('name', v.id), v.name), search: keys.open(place('search', v.id), v.search) }));
  return done({ views });
}

export async function listViews(tx: Tx, { query }: z.output<typeof zOfRoom>): Views {
  const operator = operatorOf(tx);
  return operator === undefined ? refuse(common.forbidden) : shown(tx, operator, query.room);
}

/** Keeps filters under a name; one of this name that is there takes them on. */
export async function saveView(tx: Tx, { body: { room, name, search } }: z.output<typeof zSave>): Views {
  const operator = operatorOf(tx);
  if (operator === undefined) return refuse(common.forbidden);
  const keys = tenantKeys(tx.section);
  const index = keys.blind('console.view', `${operator} ${room} ${name.normalize('NFKC').toLowerCase()}`);
  const there = await viewsOf(tx.sql, tx.tenant.id, operator, room, VIEWS_MAX);
  const same = there.find((v: ViewRow) => v.name_index.equals(index));
  if (same) await writeSearch(tx.sql, tx.tenant.id, same.id, keys.seal(place('search', same.id), search));
  else {
    if (there.length >= VIEWS_MAX) return refuse(viewsUsed, { limit: VIEWS_MAX });
    const id = tx.uuid();
    const row = { id, name: keys.seal(place('name', id), name), search: keys.seal(place('search', id), search), name_index: index };
    await insertView(tx.sql, tx.tenant.id, operator, room, row, tx.now);
  }
  return shown(tx, operator, room);
}

export async function removeView(tx: Tx, { params }: z.output<typeof zOfView>): Promise<Outcome<z.output<typeof zNone>>> {
  const operator = operatorOf(tx);
  if (operator === undefined) return refuse(common.forbidden);
  return (await deleteView(tx.sql, tx.tenant.id, operator, uuidOf(params.view))).length ? done({}) : refuse(viewUnknown);
}
