import { z } from 'zod';
import { bind, done, refuse, uuidOf, type Item, type Outcome, type SectionTx, type Uuid } from '#kernel';
import { retryAfterSeconds } from '#spine/limits';
import { codeOver, lockedOut, wrongCode, zCode, zTokens } from '../contract.ts';
import { afterRight, afterWrong, decideCode, normalizeCode, type Guard } from '../rules.ts';
import {
  insertSessions, lockChallenges, putDevices, putChallenges, writeGuards, type ChallengeRow, type Device, type GuardRow, type SessionRow,
} from '../store.ts';
import { openSession } from './session.ts';
import { browserMac, challengeOf, codeMac, guardOf, guardsOf, same } from './sign-in.ts';

type Given = z.output<typeof zCode>;
type Signed = z.output<typeof zTokens>;

/** What the codes of a section change, so far: each item sees what the ones before it did. */
interface Working {
  readonly challenges: Map<string, ChallengeRow>;
  readonly guards: Map<string, GuardRow>;
  readonly changed: Set<ChallengeRow>;
  readonly counted: Set<GuardRow>;
  readonly devices: Map<string, Device>;
  readonly sessions: SessionRow[];
}

function setGuard(w: Working, row: GuardRow, g: Guard): void {
  Object.assign(row, { wrong: g.wrong, window_from: g.windowFrom, locks: g.locks, locked_until: g.lockedUntil });
  w.counted.add(row);
}

/** Decides one code and counts it; resolves to the tokens of a right one. */
async function give(tx: SectionTx, w: Working, item: Item<Given>, row: ChallengeRow | undefined): Promise<Outcome<Signed>> {
  const subject = row && !row.decoy ? { subject: row.person as Uuid } : {};
  if (!row || !same(row.browser, browserMac(tx, item.input.body.browser))) {
    tx.audit(item, { action: 'identity.code', result: 'refused', problem: codeOver.code, ...subject });
    return refuse(codeOver);
  }
  const guardRow = w.guards.get(row.guard_key.toString('hex')) as GuardRow;
  const guard = guardOf(guardRow);
  const code = normalizeCode(item.input.body.code);
  const matches = same(codeMac(tx, row.id as Uuid, code ?? ''), row.code_mac) && code !== undefined && !row.decoy;
  const decision = decideCode(challengeOf(row), guard, matches, tx.now);
  if (decision.kind === 'right') {
    Object.assign(row, { state: 'used', tries: row.tries + 1 });
    w.changed.add(row);
    setGuard(w, guardRow, afterRight(tx.now));
    w.devices.set(`${row.person} ${row.browser.toString('hex')}`, { person: row.person, browser: row.browser });
    const opened = openSession(bind(tx, item), row.person as Uuid, row.browser);
    w.sessions.push(opened.row);
    return done({ ...await opened.tokens, year: row.year });
  }
  if (decision.kind === 'wrong') {
    Object.assign(row, { tries: row.tries + 1, state: decision.closes ? 'closed' : row.state });
    w.changed.add(row);
    setGuard(w, guardRow, afterWrong(guard, tx.now));
  }
  const problem = decision.kind === 'wrong' ? wrongCode : decision.kind === 'locked' ? lockedOut : codeOver;
  tx.audit(item, { action: 'identity.code', result: 'refused', problem: problem.code, ...subject });
  if (decision.kind === 'locked') return refuse(lockedOut, { retryAfterSeconds: retryAfterSeconds(decision.ms) });
  return decision.kind === 'wrong' ? refuse(wrongCode, { triesLeft: decision.triesLeft }) : refuse(codeOver);
}

function writeAll(tx: SectionTx, w: Working): void {
  const { sql, tenant, now } = tx;
  if (w.changed.size) tx.write(() => putChallenges(sql, tenant.id, [...w.changed]));
  if (w.counted.size) tx.write(() => writeGuards(sql, tenant.id, [...w.counted]));
  if (w.devices.size) tx.write(() => putDevices(sql, tenant.id, [...w.devices.values()], now));
  if (w.sessions.length) tx.write(() => insertSessions(sql, tenant.id, w.sessions));
}

/** Checks codes. What was counted stays counted, whatever the answer. */
export async function verifyCode(tx: SectionTx, items: readonly Item<Given>[]): Promise<Outcome<Signed>[]> {
  const ids = items.map((i) => uuidOf(i.input.params.challenge));
  const challenges = new Map((await lockChallenges(tx.sql, tx.tenant.id, [...new Set(ids)])).map((c) => [c.id, c]));
  const w: Working = {
    challenges, guards: await guardsOf(tx, [...challenges.values()].map((c) => c.guard_key)), changed: new Set(), counted: new Set(), devices: new Map(),
    sessions: [],
  };
  // All are decided, in order, before anything is waited for: only the tokens are signed later.
  const outcomes = await Promise.all(items.map((item, i) => give(tx, w, item, challenges.get(ids[i] as Uuid))));
  writeAll(tx, w);
  return outcomes;
}
