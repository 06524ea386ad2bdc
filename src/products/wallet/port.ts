import { token, type Money } from '#kernel';

/** An order to the bank. `key` is ours and stays the same over attempts; `bank` is the other side's account number. */
export interface BankOrder { readonly key: string; readonly direction: 'collect' | 'pay-out'; readonly amount: Money; readonly bank: string }
export type BankResult = { readonly state: 'booked'; readonly reference: string } | { readonly state: 'refused'; readonly reason: string };

/**
 * The rail to a bank. `send` throws NotSent when the order was kept back and never left, and anything else when it is not known whether it was taken; then
 * only `inquire` tells.
 */
export interface BankRail {
  readonly name: string;
  send(order: BankOrder, signal: AbortSignal): Promise<BankResult>;
  /** What became of a key; 'not-found' only when the bank has no trace of it. */
  inquire(key: string, signal: AbortSignal): Promise<BankResult | 'not-found'>;
}
export const BankRail = token<BankRail>('bank-rail');
