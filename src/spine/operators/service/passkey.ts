import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import { timingSafeEqual } from 'node:crypto';
import type { Tx, Uuid } from '#kernel';
import { tenantKeys } from '#spine/vault';
import { CHALLENGE_LIFE_MS } from '../contract.ts';
import { dropPasskeys, forgetSpent, insertPasskey, lockPasskey, notePasskey, spend } from '../store.ts';

/** EdDSA, ES256 and RS256 (RFC 9053 §2.2, RFC 8812 §2): what the page asks for. */
const ALGORITHMS = [-8, -7, -257];
const NONCE_BYTES = 16;
const TIME_BYTES = 6;
const MAC_BYTES = 16;

/** Loaded when the first passkey is used: it brings the parsers of every kind of attestation. */
const webauthn = (): Promise<typeof import('@simplewebauthn/server')> => import('@simplewebauthn/server');

const challengeMac = (tx: Tx, purpose: string, head: Buffer): Buffer =>
  tenantKeys(tx).mac('operators.challenge', `${purpose} ${head.toString('hex')}`).subarray(0, MAC_BYTES);

/** A challenge that needs no row until it is answered: when it expires, what is unpredictable, and our own mark over both. */
export function newChallenge(tx: Tx, purpose: string): string {
  const time = Buffer.alloc(TIME_BYTES);
  time.writeUIntBE(tx.now.getTime() + CHALLENGE_LIFE_MS, 0, TIME_BYTES);
  const head = Buffer.concat([time, tx.random.bytes(NONCE_BYTES)]);
  return Buffer.concat([head, challengeMac(tx, purpose, head)]).toString('base64url');
}

/** When a challenge of ours for this purpose expires; undefined for any other and for one that has. */
function expiryOf(tx: Tx, purpose: string, challenge: string): Date | undefined {
  const bytes = Buffer.from(challenge, 'base64url');
  if (bytes.length !== TIME_BYTES + NONCE_BYTES + MAC_BYTES) return undefined;
  const head = bytes.subarray(0, TIME_BYTES + NONCE_BYTES);
  const expires = new Date(head.readUIntBE(0, TIME_BYTES));
  return expires > tx.now && timingSafeEqual(bytes.subarray(head.length), challengeMac(tx, purpose, head)) ? expires : undefined;
}

/** The site that passkeys belong to: the host that was asked, without its port (WebAuthn level 3, §5.1.3). */
export function site(tx: Tx): { origin: string; rp: string } {
  if (tx.site === undefined) throw new Error('passkeys need a request');
  return { origin: tx.site, rp: new URL(tx.site).hostname };
}

function parsed<T>(credential: string): (T & { id: string; response: { clientDataJSON: string } }) | undefined {
  try {
    const value = JSON.parse(credential) as T & { id: string; response: { clientDataJSON: string } };
    return typeof value.id === 'string' && typeof value.response.clientDataJSON === 'string' ? value : undefined;
  } catch {
    // Whatever it is, it is no passkey.
    return undefined;
  }
}

/** The challenge inside an answer, and that it is counted once. */
async function takeChallenge(tx: Tx, purpose: string, challenge: string): Promise<boolean> {
  const expires = expiryOf(tx, purpose, challenge);
  if (!expires) return false;
  const taken = (await spend(tx.sql, tx.tenant.id, Buffer.from(challenge, 'base64url'), expires)).length > 0;
  tx.write(() => forgetSpent(tx.sql, tx.now));
  return taken;
}

const passkeyPlace = (id: Uuid): { table: string; column: string; row: string } => ({ table: 'operators.passkey', column: 'credential', row: id });
const credentialIndex = (tx: Tx, id: string): Buffer => tenantKeys(tx).blind('operators.passkey', id);
interface Kept { readonly id: string; readonly publicKey: string; readonly rp: string }

/** Keeps a new passkey as the only one of an operator. False where it is not one that our challenge made on our site. */
export async function addPasskey(tx: Tx, operator: Uuid, credential: string): Promise<boolean> {
  const answer = parsed<RegistrationResponseJSON>(credential);
  if (!answer) return false;
  const { origin, rp } = site(tx);
  const purpose = `enrol ${operator}`;
  let challenge = '';
  const verified = await (await webauthn()).verifyRegistrationResponse({
    response: answer, expectedOrigin: origin, expectedRPID: rp, requireUserVerification: true, supportedAlgorithmIDs: ALGORITHMS,
    expectedChallenge: (given) => {
      challenge = given;
      return expiryOf(tx, purpose, given) !== undefined;
    },
  }).catch(() => undefined); // It throws for whatever is wrong with an answer, and to the caller all of that is the same.
  if (!verified?.verified || !await takeChallenge(tx, purpose, challenge)) return false;
  const { id, publicKey, counter } = verified.registrationInfo.credential;
  await dropPasskeys(tx.sql, operator);
  const row = tx.uuid();
  const kept: Kept = { id, publicKey: Buffer.from(publicKey).toString('base64url'), rp };
  const sealed = tenantKeys(tx).seal(passkeyPlace(row), JSON.stringify(kept));
  return (await insertPasskey(tx.sql, tx.tenant.id, { id: row, operator, credential: sealed, counter: BigInt(counter) }, credentialIndex(tx, id),
    tx.now)).length > 0;
}

/** The operator whose passkey answered our challenge on our site, if one did. */
export async function operatorByPasskey(tx: Tx, credential: string): Promise<Uuid | undefined> {
  const answer = parsed<AuthenticationResponseJSON>(credential);
  const row = answer && await lockPasskey(tx.sql, credentialIndex(tx, answer.id));
  if (!answer || !row) return undefined;
  const kept = JSON.parse(tenantKeys(tx).open(passkeyPlace(row.id), row.credential)) as Kept;
  let challenge = '';
  const verified = await (await webauthn()).verifyAuthenticationResponse({
    response: answer, expectedOrigin: site(tx).origin, expectedRPID: kept.rp, requireUserVerification: true,
    credential: { id: kept.id, publicKey: new Uint8Array(Buffer.from(kept.publicKey, 'base64url')), counter: Number(row.counter) },
    expectedChallenge: (given) => {
      challenge = given;
      return expiryOf(tx, 'sign-in', given) !== undefined;
    },
  }).catch(() => undefined); // As above.
  if (!verified?.verified || !await takeChallenge(tx, 'sign-in', challenge)) return undefined;
  await notePasskey(tx.sql, row.id, verified.authenticationInfo.newCounter, tx.now);
  return row.operator;
}
