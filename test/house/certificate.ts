import { generateKeyPairSync, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { systemClock } from '#kernel';

/** Certificates (RFC 5280) of the tests' own, written by hand: Node reads them and makes none. */
export interface Certificate { readonly pem: string; readonly key: KeyObject; readonly name: string }

const tlv = (tag: number, ...parts: readonly (Buffer | string)[]): Buffer => {
  const body = Buffer.concat(parts.map((p) => Buffer.from(p as string)));
  const { length: n } = body;
  return Buffer.concat([Buffer.from(n < 0x80 ? [tag, n] : n < 0x100 ? [tag, 0x81, n] : [tag, 0x82, n >> 8, n & 0xff]), body]);
};
const sequence = (...parts: readonly Buffer[]): Buffer => tlv(0x30, ...parts);
const oid = (hex: string): Buffer => tlv(0x06, Buffer.from(hex, 'hex'));
const COMMON_NAME = '550403', ALT_NAMES = '551d11', CONSTRAINTS = '551d13', ECDSA_SHA256 = '2a8648ce3d040302';
const named = (name: string): Buffer => sequence(tlv(0x31, sequence(oid(COMMON_NAME), tlv(0x0c, name))));
const instant = (at: Date): Buffer => tlv(0x17, `${at.toISOString().slice(2, 19).replace(/[-T:]/g, '')}Z`);
const DAY_MS = 86_400_000;

function made(name: string, extension: Buffer, by?: Certificate): Certificate {
  const { privateKey: key, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const at = systemClock.now().getTime();
  const signed = sequence(oid(ECDSA_SHA256));
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))), tlv(0x02, Buffer.from([by ? 2 : 1])), signed, named(by?.name ?? name),
    sequence(instant(new Date(at - DAY_MS)), instant(new Date(at + DAY_MS))), named(name),
    publicKey.export({ type: 'spki', format: 'der' }), tlv(0xa3, sequence(extension)),
  );
  const der = sequence(body, signed, tlv(0x03, Buffer.from([0]), sign('sha256', body, by?.key ?? key)));
  return { key, name, pem: new X509Certificate(der).toString() };
}

/** An authority that vouches for itself. */
export const authority = (name: string): Certificate => made(name, sequence(oid(CONSTRAINTS), tlv(0x01, Buffer.from([0xff])),
  tlv(0x04, sequence(tlv(0x01, Buffer.from([0xff]))))));

/** A server's certificate for one host name. */
export const certificateFor = (host: string, by: Certificate): Certificate => made(host, sequence(oid(ALT_NAMES), tlv(0x04, sequence(tlv(0x82, host)))), by);
