import type { TenantRef } from '#kernel';
import { india } from '../data/in.ts';
import { unitedStates } from '../data/us.ts';
import type { CountryPack } from '../rules/types.ts';

const packs: Readonly<Record<string, CountryPack>> = { IN: india, US: unitedStates };

/** The pack of a tenant's country. A country without one fails closed. */
export function packOf(tenant: Pick<TenantRef, 'country'>): CountryPack {
  const pack = packs[tenant.country];
  if (!pack) throw new Error(`no pack for country ${tenant.country}`);
  return pack;
}
