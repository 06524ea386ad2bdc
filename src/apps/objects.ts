import { join } from 'node:path';
import { folderObjects, s3Objects } from '#adapters/objects';
import { ConfigFault, environment, envText, readConfig, setting, type Breakers } from '#kernel';
import type { ObjectStore } from '#platform/objects/port';

/** Where objects lie. */
export const objectsConfig = {
  endpoint: setting('EXCHEQUER_S3_URL', 'address of the S3 service that keeps objects; a folder of the data folder unless said', envText()),
  bucket: setting('EXCHEQUER_S3_BUCKET', 'bucket of the objects; it must know conditional writes', envText()),
  region: setting('EXCHEQUER_S3_REGION', 'region of the bucket', envText('us-east-1')),
  accessKeyId: setting('EXCHEQUER_S3_KEY_ID', 'access key id for the bucket', envText()),
  secretAccessKey: setting('EXCHEQUER_S3_SECRET', 'secret access key for the bucket', envText()),
};

/** The store that the environment names, or the folder `objects` beside the database. Throws ConfigFault with what is missing. */
export function objectStore(dataDir: string, breakers?: Breakers): ObjectStore {
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = readConfig(objectsConfig, environment());
  if (!endpoint) return folderObjects(join(dataDir, 'objects'));
  if (!URL.canParse(endpoint)) throw new ConfigFault(['EXCHEQUER_S3_URL: is no http(s) address']);
  if (!bucket || !accessKeyId || !secretAccessKey) {
    throw new ConfigFault(['EXCHEQUER_S3_BUCKET, EXCHEQUER_S3_KEY_ID and EXCHEQUER_S3_SECRET: S3 needs all three']);
  }
  return s3Objects({ endpoint, bucket, region: region ?? 'us-east-1', accessKeyId, secretAccessKey,
    ...(breakers ? { breaker: breakers.of('objects') } : {}) });
}
