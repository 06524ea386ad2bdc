import type { CivilDate, Currency, Uuid } from '#kernel';
import { FLAG, type TransferDraft } from '../contract.ts';
import type { Hold, NewTransfer, StoredTransfer } from '../store/rows.ts';
import type { History } from './effective.ts';

/** A locked account as the batch sees it: what earlier items of the batch did is in it. */
export interface Account {
  readonly no: number; readonly id: Uuid; readonly currency: Currency;
  flags: number;
  posted: bigint; pendingIn: bigint; pendingOut: bigint;
  readonly minimum: bigint | null; readonly maximum: bigint | null;
  lastAtUs: bigint;
  changed: boolean;
  /** Its holds or its state changed too. */
  heldChanged: boolean;
  /** Loaded only where a back-dated transfer touches a guarded account. */
  history?: History | 'too-deep';
}

/** Everything a batch is decided on, read under the accounts' locks. */
export interface Book {
  readonly accounts: ReadonlyMap<string, Account>;
  readonly targets: Map<string, StoredTransfer>;
  readonly holds: Map<string, Hold>;
  /** Holds that were resolved, with the kind of what did it. */
  readonly resolved: Map<string, number>;
  /** Sum of the posted reversals of a transfer. */
  readonly reversed: Map<string, bigint>;
  /** Ids of the drafts that bear a name of their caller's own. */
  readonly ids: ReadonlyMap<TransferDraft, Uuid>;
  /** Rows of such names, of earlier batches and of this one. */
  readonly known: Map<string, StoredTransfer>;
  readonly sealedThrough: CivilDate | null;
  readonly nowUs: bigint;
  readonly today: CivilDate;
  readonly tomorrowUs: bigint;
  /** Last instant of a day: what is dated back counts from there, behind what was recorded on that day. */
  readonly dayEndUs: (day: CivilDate) => bigint;
  readonly dayOf: (us: bigint) => CivilDate;
  readonly rows: NewTransfer[];
  readonly opened: Map<string, Hold>;
  readonly closedHolds: string[];
}

export const isDebitNormal = (a: Account): boolean => (a.flags & FLAG.normalDebit) !== 0;
export const isGuarded = (a: Account): boolean => a.minimum !== null || a.maximum !== null;
/** A movement's effect on an account's balance: positive when the side is the account's own. */
export const signed = (a: Account, debit: boolean, amount: bigint): bigint => (debit === isDebitNormal(a) ? amount : -amount);
