import { token } from '#kernel';

/** What became of a message at a provider. `gone`: this address will never take one again. */
export type SendResult = { readonly state: 'accepted'; readonly providerId: string }
  | { readonly state: 'refused'; readonly reason: string; readonly gone?: true };

/** Codes of errors that say that nobody answered the door: the message surely did not leave, and another provider may take it at once. */
export const NOT_SENT: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT',
  'ECONNECTION']);

/** A provider: `send` throws when it is not known whether the message was taken. `key` is ours and stays the same over attempts. */
export interface Provider<M> {
  readonly name: string;
  /** Share of the messages while all is well; 50 unless said. */
  readonly points?: number;
  send(message: M & { readonly key: string }, signal: AbortSignal): Promise<SendResult>;
  /** What became of a key; 'not-found' only when the provider has no trace of it. Absent where it cannot be asked. */
  inquire?(key: string, signal: AbortSignal): Promise<SendResult | 'not-found'>;
}

export interface TextMessage { readonly to: string; readonly text: string; /** Where the provider may say what became of it. */ readonly receipts?: string }
export interface Mail { readonly to: string; readonly from: string; readonly subject: string; readonly text: string; readonly html: string;
  readonly headers: Readonly<Record<string, string>> }
export interface PushMessage { readonly endpoint: string; readonly keys: { readonly p256dh: string; readonly auth: string }; readonly payload: string;
  readonly lifeSeconds: number;
  readonly urgent: boolean }

/** Providers of each channel, the preferred first; an empty list where the office has none. */
export interface Providers {
  readonly text: readonly Provider<TextMessage>[];
  readonly email: readonly Provider<Mail>[];
  readonly push: readonly Provider<PushMessage>[];
  /** Key by which browsers subscribe (VAPID, RFC 8292), and where their endpoints may lie. */
  readonly pushKey?: string;
  readonly pushOrigins?: readonly string[];
  /** Messages a minute that a channel's providers take together; as many as there are where nothing is said. */
  readonly perMinute?: { readonly text?: number; readonly email?: number; readonly push?: number };
  /** Messages that one person is sent an hour on a channel, beside the critical ones; HOURLY of the contract where nothing is said. */
  readonly perHour?: { readonly text?: number; readonly email?: number; readonly push?: number };
  /** Address that mail comes from. */
  readonly from?: string;
  /** Where links in messages lead: the tenant's own address. */
  readonly linkBase?: (tenant: { readonly slug: string }) => string;
}
export const Providers = token<Providers>('notify.providers');
