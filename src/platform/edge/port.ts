import { token, type Sheet } from '#kernel';

/** Sets a sheet in type, off the thread that answers requests; resolves to a PDF. */
export interface Typesetter { pdf(sheet: Sheet): Promise<Buffer> }
export const Typesetter = token<Typesetter>('typesetter');
