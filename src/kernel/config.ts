import { z } from 'zod';

/** Each manifest declares its settings; the environment is read once, here, and a start names every fault at once. */
export type Environment = Readonly<Record<string, string | undefined>>;
export interface ConfigKey<T = unknown> { readonly env: string; readonly doc: string; readonly schema: z.ZodType<T> }
export type ConfigSpec = Readonly<Record<string, ConfigKey>>;
export type ConfigOf<S extends ConfigSpec> = { readonly [K in keyof S]: S[K] extends ConfigKey<infer T> ? T : never };

/** The process environment; the only place that reads it. */
export const environment = (): Environment => process.env;

/** One setting: name of the variable, a sentence of documentation, a schema over the text (undefined when unset). */
export const setting = <T>(env: string, doc: string, schema: z.ZodType<T>): ConfigKey<T> => ({ env, doc, schema });

/** Schemas over environment text. */
export const envText = (fallback?: string): z.ZodType<string | undefined> => z.string().optional().transform((v) => v ?? fallback);
export const envInt = (fallback: number, min: number, max: number): z.ZodType<number> =>
  z.string().optional().transform((v, ctx) => {
    const n = v === undefined || v === '' ? fallback : Number(v);
    if (!Number.isSafeInteger(n) || n < min || n > max) ctx.addIssue({ code: 'custom', message: `must be a whole number from ${min} to ${max}` });
    return n;
  });
export const envFlag: z.ZodType<boolean> = z.string().optional().transform((v, ctx) => {
  if (v !== undefined && !['', '0', '1', 'yes', 'no', 'true', 'false'].includes(v)) ctx.addIssue({ code: 'custom', message: 'must be yes or no' });
  return v === '1' || v === 'yes' || v === 'true';
});

export class ConfigFault extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(`These settings are wrong:\n${faults.map((f) => `  ${f}`).join('\n')}`);
    this.name = 'ConfigFault';
    this.faults = faults;
  }
}

/** Reads one spec; throws ConfigFault with every fault named. */
export function readConfig<S extends ConfigSpec>(spec: S, env: Environment): ConfigOf<S> {
  const faults: string[] = [];
  const read = Object.entries(spec).map(([name, key]) => {
    const result = key.schema.safeParse(env[key.env]);
    if (result.success) return [name, result.data] as const;
    faults.push(`${key.env}: ${result.error.issues.map((i) => i.message).join(', ')} (${key.doc})`);
    return [name, undefined] as const;
  });
  if (faults.length) throw new ConfigFault(faults);
  return Object.fromEntries(read) as ConfigOf<S>;
}
