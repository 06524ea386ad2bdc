import type { CivilDate, Currency, Uuid } from '#kernel';

/** A transfer as stored: a target of this batch, or the row of a name that was sent before. */
export interface StoredTransfer {
  readonly id: Uuid; readonly kind: number; readonly result: number; readonly code: number;
  readonly debit: Uuid | null; readonly credit: Uuid | null; readonly amount: bigint; readonly currency: Currency | null;
  readonly atUs: bigint; readonly debitBalance: bigint | null; readonly creditBalance: bigint | null;
  readonly effective: CivilDate | null; readonly leg: number | null; readonly group: Uuid | null; /** Transfers of its group. */ readonly size: number;
  readonly target: Uuid | null;
  readonly expiresAtUs: bigint | null; readonly asked: string | null;
}

/** A row to be written. Numbers of accounts are null where an account is unknown. */
export interface NewTransfer extends StoredTransfer {
  /** Its own direction decides what a movement does to an account's balance. */
  readonly debitChange: bigint; readonly creditChange: bigint;
  readonly debitNo: number | null; readonly creditNo: number | null; readonly trace: string;
  readonly debitIn: bigint | null; readonly debitOut: bigint | null; readonly creditIn: bigint | null; readonly creditOut: bigint | null;
}

export interface Hold { readonly id: Uuid; readonly debit: number; readonly credit: number; readonly amount: bigint; readonly closes: number | null;
  readonly expiresAtUs: bigint | null }
