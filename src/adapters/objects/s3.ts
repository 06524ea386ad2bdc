import { AwsV4Signer } from 'aws4fetch';
import { noBreaker, NotSent, Unavailable, type Breaker } from '#kernel';
import type { ObjectStore } from '#platform/objects/port';

export interface S3Options {
  /** Address of the service, such as `https://s3.ap-south-1.amazonaws.com`; the bucket stands in the path. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Longest wait for an answer; 15 s unless said. */
  readonly answerMsMax?: number;
  readonly breaker?: Breaker;
}

const ANSWER_MS_MAX = 15_000;
/** Answers that another try may change: busy, restarting, a conditional write that met another one (409), too many (429). */
const passing = (status: number): boolean => status >= 500 || status === 429 || status === 409 || status === 408;

interface Answer { readonly status: number; readonly bytes: Buffer }
/** All of an answer is read, within the time, so that its connection is free again. */
async function exchange(url: URL, init: RequestInit, answerMsMax = ANSWER_MS_MAX): Promise<Answer> {
  const answer = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(answerMsMax) });
  return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()) };
}

/**
 * Objects in S3 or what speaks like it: `PUT` with `If-None-Match: *`, `GET`, `HEAD`, `DELETE`, each signed with Signature Version 4 over the hash of its
 * body, so that what arrives is what was sent. The service must know conditional writes (Amazon since August 2024, MinIO, Ceph, R2).
 */
export function s3Objects(o: S3Options): ObjectStore {
  const { accessKeyId, secretAccessKey, region, breaker = noBreaker } = o;
  const ask = async (method: 'PUT' | 'GET' | 'HEAD' | 'DELETE', key: string, body?: Uint8Array<ArrayBuffer>): Promise<Answer> => {
    const hash = Buffer.from(await crypto.subtle.digest('SHA-256', body ?? new Uint8Array())).toString('hex');
    const signed = await new AwsV4Signer({
      method, url: `${o.endpoint.replace(/\/$/, '')}/${o.bucket}/${key}`, accessKeyId, secretAccessKey, region, service: 's3',
      headers: { 'x-amz-content-sha256': hash, ...(method === 'PUT' ? { 'if-none-match': '*', 'content-type': 'application/octet-stream' } : {}) },
      ...(body ? { body } : {}), allHeaders: true,
    }).sign();
    let answer: Answer;
    try {
      answer = await breaker.run(() => exchange(signed.url, { method, headers: signed.headers, ...(body ? { body } : {}) }, o.answerMsMax),
        ({ status }) => status >= 500);
    } catch (error) {
      throw error instanceof NotSent ? error : new Unavailable('the object store cannot be reached, or broke off', error);
    }
    if (passing(answer.status)) throw new Unavailable(`the object store answered ${answer.status}`);
    return answer;
  };
  /** Its words are not repeated: they may quote what was sent. */
  const ended = ({ status }: Answer, what: string, fine: readonly number[]): number => {
    if (!fine.includes(status)) throw new Error(`the object store refused to ${what}: ${status}`);
    return status;
  };
  return {
    name: 's3',
    put: async (key, bytes) => (ended(await ask('PUT', key, new Uint8Array(bytes)), 'keep', [200, 412]) === 200 ? 'made' : 'exists'),
    async get(key) {
      const answer = await ask('GET', key);
      if (answer.status === 200) return answer.bytes;
      ended(answer, 'give', [404]);
      return undefined;
    },
    has: async (key) => ended(await ask('HEAD', key), 'say', [200, 404]) === 200,
    remove: async (key) => void ended(await ask('DELETE', key), 'remove', [200, 204, 404]),
  };
}
