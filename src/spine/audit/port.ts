import { token } from '#kernel';
import type { ChainHead } from './contract.ts';

export type { ChainHead };

/** Where heads are kept outside the database, so that a cut tail is seen. */
export interface HeadKeeper { write(head: ChainHead): Promise<void>; newest(cell: string): Promise<ChainHead | undefined>;
  all(cell: string): Promise<ChainHead[]> }
export const HeadKeeper = token<HeadKeeper>('audit.heads');

/** Folder of the local spool of one process: facts of degraded views, sealed and chained, until the database is back. */
export const SpoolFolder = token<string>('audit.spool-folder');
