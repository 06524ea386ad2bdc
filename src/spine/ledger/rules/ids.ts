import { hash } from 'node:crypto';
import type { Currency, Uuid } from '#kernel';

/**
 * Names become ids: a UUIDv8 (RFC 9562 §5.8) of the SHA-256 of the tenant and the name. The same name gives the same id without a
 * look, and no tenant can meet, or try out, an id of another.
 */
function named(...parts: readonly string[]): Uuid {
  const hex = hash('sha256', parts.join('\n'));
  return `${hex.slice(0, 12)}8${hex.slice(13, 16)}8${hex.slice(17, 32)}` as Uuid;
}

/** The id of a transfer that its caller named. */
export const transferIdOf = (tenant: Uuid, ref: string): Uuid => named('ledger.transfer', tenant, ref);

/** The id of an account: there is one for each code, currency and holder of a tenant. */
export const accountIdOf = (tenant: Uuid, code: string, currency: Currency, holder?: Uuid): Uuid => named('ledger.account', tenant, code, currency,
  holder ?? '');
