import { fill, language, locale, Refused, words } from '../../parts/client.ts';
import { en, type WalletWords } from '../../words/wallet/en.ts';
import { hi } from '../../words/wallet/hi.ts';

export const wallet: WalletWords = language === 'hi' ? hi : en;

const counts = new Intl.NumberFormat(`${locale}-u-nu-latn`);
export const countText = (n: number): string => counts.format(n);

/** A vote names its operator by the bare id; who is signed in has it with its kind before it. */
export const isMe = (me: string, operator: string): boolean => me.slice(me.indexOf('_') + 1) === operator;

/** A refusal as a sentence, with what it names put in; what has none is said by its title. */
export function refusalText(error: unknown, sentences: Readonly<Record<string, string>>, named: (member: string) => string): string {
  if (!(error instanceof Refused)) return words.states.away;
  const { problem } = error;
  const values = Object.fromEntries(Object.entries(problem).flatMap(([name, value]) =>
    (typeof value === 'string' || typeof value === 'number' ? [[name, named(String(value))]] : [])));
  return fill(sentences[error.code] ?? problem.title, values);
}
