import { done, realNow, refuse, shapeOf, uuid, uuidOf, type EventType, type Outcome, type Tx, type Uuid } from '#kernel';
import type { z } from 'zod';
import { OfferedEvents, unknownEndpoint, type zOfEndpoint, type zVersions } from '../contract.ts';
import { payloadVersions, render, versionAt, wantedOf } from '../rules.ts';
import { endpointsOf } from '../store/endpoints.ts';

/** What would change for an endpoint with the newest version of payloads: an example of each event of which the shape differs, in both. */
export async function versions(tx: Tx, input: z.output<typeof zOfEndpoint>): Promise<Outcome<z.output<typeof zVersions>>> {
  const id = uuidOf(input.params.endpoint);
  const row = (await endpointsOf(tx.sql, tx.tenant.id)).find((e) => uuid(e.id) === id);
  if (!row) return refuse(unknownEndpoint);
  const types = tx.use(OfferedEvents);
  const known = payloadVersions(types.values());
  const at = realNow(tx);
  const changes = wantedOf(types, row.events).flatMap((type) => {
    const [pinned, began] = [versionAt(type, row.version), type.downcast?.[type.version]];
    if (pinned === type.version || !began) return [];
    const body = (version: number): string | null => bodyOf(type, version, began.example, id, at);
    return [{ type: type.name, since: began.since, pinned: { version: pinned, body: body(pinned) },
      newest: { version: type.version, body: body(type.version) } }];
  });
  return done({ version: row.version, newest: known.at(-1) as string, known, changes });
}

function bodyOf(type: EventType, version: number, example: Readonly<Record<string, unknown>>, id: Uuid, at: Date): string | null {
  const shape = shapeOf(type, type.version, version, example);
  return shape ? render({ id, topic: type.name, at, data: JSON.stringify(shape) }).toString('utf8') : null;
}
