import { AwsV4Signer } from 'aws4fetch';
import { Unavailable } from '#kernel';
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
}

const ANSWER_MS_MAX = 15_000;
/** Answers that another try may change: busy, restarting, a conditional write that met another one (409), too many (429). */
const passing = (status: number): boolean => status >= 500 || status === 429 || status === 409 || status === 408;

/**
 * Objects in S3 or what speaks like it: `PUT` with `If-None-Match: *`, `GET`, `HEAD`, `DELETE`, each signed with Signature Version 4 over the hash of its
 * body, so that what arrives is what was sent. The service must know conditional writes (Amazon since August 2024, MinIO, Ceph, R2).
 */
export function s3Objects(o: S3Options): ObjectStore {
  const { accessKeyId, secretAccessKey, region } = o;
  const ask = async (method: 'PUT' | 'GET' | 'HEAD' | 'DELETE', key: string, body?: Uint8Array<ArrayBuffer>): Promise<Response> => {
    const hash = Buffer.from(await crypto.subtle.digest('SHA-256', body ?? new Uint8Array())).toString('hex');
    const signed = await new AwsV4Signer({
      method, url: `${o.endpoint.replace(/\/$/, '')}/${o.bucket}/${key}`, accessKeyId, secretAccessKey, region, service: 's3',
      headers: { 'x-amz-content-sha256': hash, ...(method === 'PUT' ? { 'if-none-match': '*', 'content-type': 'application/octet-stream' } : {}) },
      ...(body ? { body } : {}), allHeaders: true,
    }).sign();
    let answer: Response;
    try {
      answer = await fetch(signed.url, {
        method, headers: signed.headers, redirect: 'error', signal: AbortSignal.timeout(o.answerMsMax ?? ANSWER_MS_MAX), ...(body ? { body } : {}),
      });
    } catch (error) {
      throw new Unavailable('the object store cannot be reached', error);
    }
    if (passing(answer.status)) throw new Unavailable(`the object store answered ${answer.status}`);
    return answer;
  };
  /** The rest of an answer is read, so that its connection is free again; its words are not repeated, they may quote what was sent. */
  const ended = async (answer: Response, what: string, fine: readonly number[]): Promise<number> => {
    await answer.arrayBuffer();
    if (!fine.includes(answer.status)) throw new Error(`the object store refused to ${what}: ${answer.status}`);
    return answer.status;
  };
  return {
    name: 's3',
    put: async (key, bytes) => (await ended(await ask('PUT', key, new Uint8Array(bytes)), 'keep', [200, 412]) === 200 ? 'made' : 'exists'),
    async get(key) {
      const answer = await ask('GET', key);
      if (answer.status === 200) {
        try {
          return Buffer.from(await answer.arrayBuffer());
        } catch (error) {
          throw new Unavailable('the object store broke off', error);
        }
      }
      await ended(answer, 'give', [404]);
      return undefined;
    },
    has: async (key) => (await ended(await ask('HEAD', key), 'say', [200, 404])) === 200,
    remove: async (key) => void await ended(await ask('DELETE', key), 'remove', [200, 204, 404]),
  };
}
