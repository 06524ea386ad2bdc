import type { ReactNode } from 'react';
import { base, client, fill, language, Refused, words } from '../../parts/client.ts';
import { Facts } from '../../parts/table.tsx';
import { whenText } from '../../parts/time.tsx';
import { en, type OperatorWords } from '../../words/operators/en.ts';
import { hi } from '../../words/operators/hi.ts';

export const w: OperatorWords = language === 'hi' ? hi : en;
export type Listed = Awaited<ReturnType<typeof client.getOperators>>['operators'][number];
type Made = Awaited<ReturnType<typeof client.postOperators>>;

export const MANAGE = 'operators:manage';
export const roleText = (role: string): string => (w.roles as Readonly<Record<string, string>>)[role] ?? role;
export const refusal = (error: unknown): string | undefined =>
  (error === null || error === undefined ? undefined : error instanceof Refused ? fill(w.failed, { title: error.problem.title }) : words.states.away);

export function typed(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value.trim() : '';
}

/** A link, in the one answer that holds it. */
export const MadeLink = ({ made, name }: { made: Made; name: string }): ReactNode => (
  <section className="notice done" role="status">
    <p className="notice-title"><strong>{fill(w.link, { name })}</strong></p>
    <p>{fill(w.linkText, { time: whenText(made.expiresAt) })}</p>
    <Facts rows={[[w.address, <code key="a">{`${location.origin}${base}/operator/enrol?link=${made.link}`}</code>]]} />
  </section>
);

export const RoleOptions = ({ roles }: { roles: readonly { readonly role: string }[] }): ReactNode =>
  roles.map(({ role }) => <option key={role} value={role}>{roleText(role)}</option>);
