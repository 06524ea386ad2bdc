import { token } from '#kernel';

/** A text message to one phone. `key` is ours and stays the same over attempts. */
export interface TextMessage { readonly to: string; readonly text: string; readonly key: string }
export type TextResult = { readonly state: 'accepted'; readonly providerId: string } | { readonly state: 'refused'; readonly reason: string };

/** A provider of text messages. `send` throws when it is not known whether the message was taken. */
export interface TextMessages {
  readonly name: string;
  send(message: TextMessage, signal: AbortSignal): Promise<TextResult>;
  /** What became of a key; 'not-found' only when the provider has no trace of it. */
  inquire(key: string, signal: AbortSignal): Promise<TextResult | 'not-found'>;
}
export const TextMessages = token<TextMessages>('text-messages');
