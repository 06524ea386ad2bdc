import { createHmac } from 'node:crypto';
import { PASSWORD_CHARS_MIN } from './contract.ts';

/** A name as it is compared: without case, width and doubled spaces. */
export const nameKey = (typed: string): string => typed.normalize('NFKC').trim().replace(/\s+/gu, ' ').toLowerCase();

const STEP_SECONDS = 30;
const DIGITS = 6;
/** A code may be a step early or late: clocks of phones differ, and typing takes time (RFC 6238 §5.2). */
const STEPS_AROUND = 1;

/** The code of a step: HOTP with HMAC-SHA-1 (RFC 4226 §5.3), six digits, as every authenticator makes it. */
export function totpCode(key: Buffer, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', key).update(counter).digest();
  const offset = (mac.at(-1) as number) & 0xf;
  return String((mac.readUInt32BE(offset) & 0x7fff_ffff) % 10 ** DIGITS).padStart(DIGITS, '0');
}

/** The step whose code this is, if it is one of now and newer than the last one used. */
export function totpStep(key: Buffer, code: string, now: Date, last: number): number | undefined {
  const step = Math.floor(now.getTime() / 1000 / STEP_SECONDS);
  for (let at = step - STEPS_AROUND; at <= step + STEPS_AROUND; at++) if (at > last && totpCode(key, at) === code) return at;
  return undefined;
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** RFC 4648 §6 without padding; an authenticator's key is 20 bytes, so none is needed. */
export function base32(bytes: Buffer): string {
  let bits = 0, held = 0, text = '';
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xffff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += BASE32[(held >> (bits - 5)) & 31];
  }
  return bits > 0 ? text + (BASE32[(held << (5 - bits)) & 31] as string) : text;
}

export const otpauth = (issuer: string, name: string, secret: string): string =>
  `otpauth://totp/${encodeURIComponent(issuer)}:${encodeURIComponent(name)}?secret=${secret}&issuer=${encodeURIComponent(issuer)}`;

/** Too short, the name itself, or few different characters: what is guessed first. Length counts most, so nothing else is asked for. */
export function weakPassword(password: string, name: string): boolean {
  const plain = password.normalize('NFKC');
  return [...plain].length < PASSWORD_CHARS_MIN || nameKey(plain).includes(nameKey(name)) || new Set(plain).size < 5;
}
