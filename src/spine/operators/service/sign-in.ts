import { hash, verify } from '@node-rs/argon2';
import type { z } from 'zod';
import { done, plainInput, refuse, type Outcome, type Tx, type Uuid } from '#kernel';
import { addressKey, retryAfterSeconds, takeShared, type Verdict } from '#spine/limits';
import { tenantKeys } from '#spine/vault';
import {
  operatorRefused, TRIES_PER_ADDRESS, TRIES_PER_NAME, triesUsed, type Opened, type zByPasskey, type zByPassword, type zChallenge,
} from '../contract.ts';
import { totpStep } from '../rules.ts';
import { lockByName, lockOperator, writeOperator } from '../store.ts';
import { nameIndex } from './invite.ts';
import { newChallenge, operatorByPasskey, site } from './passkey.ts';
import { openSession, place } from './session.ts';

/** What is compared for a name that nobody has, so that it takes as long. */
let nobodys: Promise<string> | undefined;

function refused(tx: Tx, operator: Uuid | undefined, method: string): ReturnType<typeof refuse> {
  tx.audit({
    action: 'operators.sign-in', result: 'refused', problem: operatorRefused.code, detail: { method },
    ...(operator === undefined ? {} : { resource: `operator ${operator}` }),
  });
  return refuse(operatorRefused);
}

const addressWant = (tx: Tx): { policy: typeof TRIES_PER_ADDRESS; key: string } =>
  ({ policy: TRIES_PER_ADDRESS, key: tenantKeys(tx).mac('operators.address', addressKey(tx.address ?? '')).toString('hex') });

function overLimit(tx: Tx, verdicts: readonly Verdict[]): ReturnType<typeof refuse> | undefined {
  const no = verdicts.find((v) => !v.ok);
  if (!no) return undefined;
  tx.audit({ action: 'operators.sign-in', result: 'refused', problem: triesUsed.code });
  return refuse(triesUsed, { retryAfterSeconds: retryAfterSeconds(no.retryAfterMs) });
}

/** Signs in with name, password and the authenticator's code. Which of them was wrong is not told, nor whether the name is known. */
export async function signInByPassword(tx: Tx, { body }: z.output<typeof zByPassword>): Promise<Outcome<Opened>> {
  const index = nameIndex(tx, body.name);
  const over = overLimit(tx, await takeShared(tx, [addressWant(tx), { policy: TRIES_PER_NAME, key: index.toString('hex') }]));
  if (over) return over;
  const row = await lockByName(tx.sql, index);
  const keys = tenantKeys(tx);
  const stored = row?.password ? keys.open(place('password', row.id), row.password) : await (nobodys ??= hash('nobody has this password'));
  const fits = await verify(stored, body.password.normalize('NFKC'));
  if (!row?.password || !row.totp || row.state !== 'active' || !fits) return refused(tx, row?.id, 'password');
  const step = totpStep(Buffer.from(keys.open(place('totp', row.id), row.totp), 'base64url'), plainInput(body.code), tx.now, Number(row.totp_step));
  if (step === undefined) return refused(tx, row.id, 'password');
  await writeOperator(tx.sql, { ...row, totp_step: BigInt(step) });
  return done(openSession(tx, row.id, 'password'));
}

/** A challenge for a passkey of this site. Nothing is kept until it is answered. */
export const challenge = async (tx: Tx): Promise<Outcome<z.output<typeof zChallenge>>> =>
  done({ challenge: newChallenge(tx, 'sign-in'), rp: site(tx).rp });

/** Signs in with a passkey. */
export async function signInByPasskey(tx: Tx, { body }: z.output<typeof zByPasskey>): Promise<Outcome<Opened>> {
  const over = overLimit(tx, await takeShared(tx, [addressWant(tx)]));
  if (over) return over;
  const id = await operatorByPasskey(tx, body.credential);
  const row = id && await lockOperator(tx.sql, id);
  return row?.state === 'active' ? done(openSession(tx, row.id, 'passkey')) : refused(tx, id, 'passkey');
}
