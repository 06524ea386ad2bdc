/** What was typed wrongly, in words for who typed it. */
export class UsageFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageFault';
  }
}

/** The text after `--name`, or undefined. */
export function textOf(args: readonly string[], name: string): string | undefined {
  const at = args.indexOf(name);
  if (at < 0) return undefined;
  const value = args[at + 1];
  if (value === undefined || value.startsWith('--')) throw new UsageFault(`${name} needs a value`);
  return value;
}

/** A whole number after `--name`. */
export function numberOf(args: readonly string[], name: string, fallback: number, max: number): number {
  const text = textOf(args, name);
  if (text === undefined) return fallback;
  if (!/^\d{1,9}$/.test(text) || Number.parseInt(text, 10) > max) throw new UsageFault(`${name} must be a whole number from 0 to ${max}`);
  return Number.parseInt(text, 10);
}

/** Arguments that are no option and no option's value. */
export const plainOf = (args: readonly string[], withValue: readonly string[]): string[] =>
  args.filter((a, i) => !a.startsWith('--') && !withValue.includes(args[i - 1] ?? ''));
