import { hash } from '@node-rs/argon2';
import { timingSafeEqual } from 'node:crypto';
import type { z } from 'zod';
import { done, idOf, plainInput, refuse, uuidOf, type Outcome, type Tx, type Uuid } from '#kernel';
import { tenantKeys } from '#spine/vault';
import {
  codeWrong, linkOver, passkeyRefused, passwordWeak, type Enrolment, type Opened, type zEnrolByPasskey, type zEnrolByPassword, type zOfLink,
} from '../contract.ts';
import { base32, otpauth, totpStep, weakPassword } from '../rules.ts';
import { dropPasskeys, endEnrolments, endSessionsOf, lockEnrolment, lockOperator, writeOperator, type EnrolmentRow, type OperatorRow } from '../store.ts';
import { linkMac, totpPlace } from './invite.ts';
import { addPasskey, newChallenge, site } from './passkey.ts';
import { nameOf, openSession, place } from './session.ts';

interface Open { readonly enrolment: EnrolmentRow; readonly operator: OperatorRow; readonly totp: Buffer }

/** The enrolment of a link that still works, locked. */
async function openLink(tx: Tx, link: string): Promise<Open | undefined> {
  const [id = '', secret = ''] = link.split('.');
  const enrolment = await lockEnrolment(tx.sql, uuidOf(id as `enr_${string}`));
  if (!enrolment || enrolment.ended_at !== null || enrolment.expires_at <= tx.now) return undefined;
  if (!timingSafeEqual(enrolment.secret_mac, linkMac(tx, secret))) return undefined;
  const operator = await lockOperator(tx.sql, enrolment.operator);
  if (!operator || operator.state === 'disabled') return undefined;
  return { enrolment, operator, totp: Buffer.from(tenantKeys(tx).open(totpPlace(enrolment.id), enrolment.totp), 'base64url') };
}

const refusedLink = (tx: Tx): ReturnType<typeof refuse> => {
  tx.audit({ action: 'operators.enrol', result: 'refused', problem: linkOver.code });
  return refuse(linkOver);
};

/** What a link offers; reading it changes nothing. */
export async function readLink(tx: Tx, { query: { link } }: z.output<typeof zOfLink>): Promise<Outcome<Enrolment>> {
  const open = await openLink(tx, link);
  if (!open) return refusedLink(tx);
  const { operator, enrolment } = open;
  const name = nameOf(tx, operator);
  const secret = base32(open.totp);
  return done({
    operator: idOf('opr', operator.id), name, role: operator.role, challenge: newChallenge(tx, `enrol ${operator.id}`), rp: site(tx).rp,
    expiresAt: enrolment.expires_at, secret, otpauth: otpauth(tx.tenant.name, name, secret),
  });
}

/** What the link brought replaces every credential before it; the sessions that those opened end. */
async function enrolled(tx: Tx, operator: OperatorRow, fresh: Partial<OperatorRow>, method: 'password' | 'passkey'): Promise<Outcome<Opened>> {
  await writeOperator(tx.sql, { ...operator, password: null, totp: null, ...fresh, state: 'active' });
  await endEnrolments(tx.sql, operator.id, tx.now);
  await endSessionsOf(tx.sql, operator.id, tx.now, 'enrolled-again');
  tx.audit({ action: 'operators.enrol', result: 'done', resource: `operator ${operator.id}`, detail: { method } });
  return done(openSession(tx, operator.id, method));
}

/** Enrols with a password and the authenticator that the link offered, and signs in. */
export async function enrolByPassword(tx: Tx, { body }: z.output<typeof zEnrolByPassword>): Promise<Outcome<Opened>> {
  const open = await openLink(tx, body.link);
  if (!open) return refusedLink(tx);
  const { operator, totp } = open;
  if (weakPassword(body.password, nameOf(tx, operator))) return refuse(passwordWeak);
  const step = totpStep(totp, plainInput(body.code), tx.now, 0);
  if (step === undefined) return refuse(codeWrong);
  await dropPasskeys(tx.sql, operator.id);
  const keys = tenantKeys(tx);
  const id: Uuid = operator.id;
  return enrolled(tx, operator, {
    password: keys.seal(place('password', id), await hash(body.password.normalize('NFKC'))),
    totp: keys.seal(place('totp', id), totp.toString('base64url')), totp_step: BigInt(step),
  }, 'password');
}

/** Enrols with a passkey, and signs in. */
export async function enrolByPasskey(tx: Tx, { body }: z.output<typeof zEnrolByPasskey>): Promise<Outcome<Opened>> {
  const open = await openLink(tx, body.link);
  if (!open) return refusedLink(tx);
  return await addPasskey(tx, open.operator.id, body.credential) ? enrolled(tx, open.operator, {}, 'passkey') : refuse(passkeyRefused);
}
