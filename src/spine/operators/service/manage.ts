import type { z } from 'zod';
import { done, idOf, uuidOf, type Id, type Outcome, type Tx, type Uuid } from '#kernel';
import type { zChanged, zInvite, zMadeLink, zOfOperator, zRole } from '../contract.ts';
import {
  changeRole, disableOperator, enableOperator, endOperatorSessions, inviteOperator, relinkOperator, type MadeLink, type Whom,
} from './invite.ts';

/** What the console asks for: the verbs of the command line, by id. */
type Changed = Promise<Outcome<z.output<typeof zChanged>>>;
type Made = Promise<Outcome<z.output<typeof zMadeLink>>>;

const whom = ({ operator }: { readonly operator: Id<'opr'> }): Whom => ({ id: uuidOf(operator) });
const shown = (o: Outcome<{ operator: Uuid }>): Outcome<z.output<typeof zChanged>> => (o.ok ? done({ operator: idOf('opr', o.value.operator) }) : o);
const link = (o: Outcome<MadeLink>): Outcome<z.output<typeof zMadeLink>> => (o.ok ? done({ ...o.value, operator: idOf('opr', o.value.operator) }) : o);

export const invite = async (tx: Tx, { body }: z.output<typeof zInvite>): Made => link(await inviteOperator(tx, body.name, body.role));
export const relink = async (tx: Tx, { params }: z.output<typeof zOfOperator>): Made => link(await relinkOperator(tx, whom(params)));
export const setRole = async (tx: Tx, { params, body }: z.output<typeof zRole>): Changed => shown(await changeRole(tx, whom(params), body.role));
export const disable = async (tx: Tx, { params }: z.output<typeof zOfOperator>): Changed => shown(await disableOperator(tx, whom(params)));
export const enable = async (tx: Tx, { params }: z.output<typeof zOfOperator>): Changed => shown(await enableOperator(tx, whom(params)));
export const endSessions = async (tx: Tx, { params }: z.output<typeof zOfOperator>): Changed => shown(await endOperatorSessions(tx, whom(params)));
