export { folderObjects } from './folder.ts';
export { s3Objects, type S3Options } from './s3.ts';
