import { realNow, type EventType, type SectionTx, type Tx } from '#kernel';
import { NOT_DELIVERED } from '../contract.ts';
import { filtersFor } from '../rules.ts';
import { listeningTo } from '../store/endpoints.ts';
import { insertDeliveries } from '../store/deliveries.ts';
import { signal } from './wake.ts';

interface Plan {
  readonly listening: Promise<readonly { id: string; events: string[]; ordered: boolean }[]>;
  readonly messages: { ids: string[]; topics: string[]; keys: string[]; versions: number[]; at: Date[]; data: string[] };
  readonly deliveries: { endpoints: string[]; messages: string[]; ordered: boolean[] };
}
/** Events that share a transaction share one look at the endpoints, and one statement for all that is to be delivered. */
const plans = new WeakMap<SectionTx, Plan>();

function planOf(tx: Tx): Plan {
  const { section } = tx;
  let plan = plans.get(section);
  if (!plan) {
    const fresh: Plan = {
      listening: listeningTo(section.sql, section.tenant.id), messages: { ids: [], topics: [], keys: [], versions: [], at: [], data: [] },
      deliveries: { endpoints: [], messages: [], ordered: [] },
    };
    plans.set(section, (plan = fresh));
    section.write(async () => {
      if (!fresh.messages.ids.length) return;
      await insertDeliveries(section.sql, section.tenant.id, realNow(section), fresh.messages, fresh.deliveries);
    });
    section.afterCommit(() => {
      if (fresh.messages.ids.length) signal.wake(section);
    });
  }
  return plan;
}

/** Plans the deliveries of an event to every endpoint that wants it, in the commit that moves the cursor. */
export async function fanOut(tx: Tx, type: EventType,
  e: { readonly id: string; readonly key: string; readonly at: Date; readonly data: unknown }): Promise<void> {
  if (NOT_DELIVERED.includes(type.name)) return;
  const plan = planOf(tx);
  const wanted = filtersFor(type.name);
  const to = (await plan.listening).filter((endpoint) => endpoint.events.some((filter) => wanted.includes(filter)));
  if (!to.length) return;
  plan.messages.ids.push(e.id);
  plan.messages.topics.push(type.name);
  plan.messages.keys.push(e.key);
  plan.messages.versions.push(type.version);
  plan.messages.at.push(e.at);
  plan.messages.data.push(JSON.stringify(e.data));
  for (const endpoint of to) {
    plan.deliveries.endpoints.push(endpoint.id);
    plan.deliveries.messages.push(e.id);
    plan.deliveries.ordered.push(endpoint.ordered);
  }
}
