import type { Module } from '#kernel';
import audit from '#spine/audit/module';
import cache from '#spine/cache/module';
import events from '#spine/events/module';
import idempotency from '#spine/idempotency/module';
import identity from '#spine/identity/module';
import jobs from '#spine/jobs/module';
import ledger from '#spine/ledger/module';
import limits from '#spine/limits/module';
import operators from '#spine/operators/module';
import saga from '#spine/saga/module';
import tenancy from '#spine/tenancy/module';
import vault from '#spine/vault/module';
import taxrefund from '#products/taxrefund/module';
import wallet from '#products/wallet/module';
import { alertsOver } from '#platform/alerts/module';
import console from '#platform/console/module';
import edge from '#platform/edge/module';
import notify from '#platform/notify/module';
import objects from '#platform/objects/module';
import { webhooksOver } from '#platform/webhooks/module';

/** Every module of the program, lower tiers first and each after what it needs: the order of migrations and of locks. */
export const modules: readonly Module[] = (() => {
  const platform = [tenancy, vault, limits, events, cache, jobs, saga, audit, idempotency, identity, operators, ledger, edge, objects, notify];
  const products = [console, taxrefund, wallet];
  const all = [...platform, ...products].flatMap((m) => m.events ?? []);
  const webhooks = webhooksOver(all);
  return [...platform, webhooks, alertsOver([...all, ...webhooks.events ?? []]), ...products];
})();
