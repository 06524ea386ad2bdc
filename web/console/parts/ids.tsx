import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { words } from './client.ts';

const SHOWN = 14;
/** The beginning of an id that is seen whole in its title; whoever saves the table gets all of it. */
export const shortId = (id: string): string => (id.length > SHOWN + 2 ? `${id.slice(0, SHOWN)}…` : id);
export const Id = ({ id }: { id: string | null }): ReactNode => (id === null ? words.none : <code title={id}>{shortId(id)}</code>);

/** An id that leads to the facts of which it is the actor or the person. */
export const FactLink = ({ as, id }: { as: 'actor' | 'subject'; id: string | null }): ReactNode =>
  (id === null ? words.none : <Link to="/audit" search={{ [as]: id } as never} title={id}><code>{shortId(id)}</code></Link>);
