import { call, done, idOf, provide, realNow, refuse, token, uuid, type Outcome, type Provided, type Tx } from '#kernel';
import type { z } from 'zod';
import {
  Challenge, CHALLENGE_TRIES, CHALLENGE_TYPE, EndpointChanged, LADDER_SECONDS, ProofAsked, Reach, TIMEOUT_MS, unknownEndpoint,
  type EndpointView, type zOfEndpoint,
} from '../contract.ts';
import { render, signingKey, tokenEchoed } from '../rules.ts';
import { lockEndpoint, writeProof, type EndpointRow } from '../store/endpoints.ts';
import { signedHeaders } from './deliver.ts';
import { challengeOf, endpointIn, headersOf, openSecrets, owe, single } from './endpoints.ts';
import { createSender, type Sent } from './send.ts';
import { signal } from './wake.ts';

interface Asking { readonly url: string; readonly headers: Readonly<Record<string, string>>; readonly body: Buffer }
const DEADLINE_MS = 6 * 3_600_000;
const NOTHING_TO_SHOW_MS = 0;

export const proofState: Provided = provide(ProofAsked, () => false);
/** Sends one challenge, as a delivery would be sent: to public addresses only, without redirects. */
type Ask = (asking: Asking) => Promise<Sent>;
const Ask = token<Ask>('webhooks.ask');
export const askState: Provided = provide(Ask, (cell) => async ({ url, headers, body }) => {
  const sender = createSender(cell.use(Reach), cell.clock);
  try {
    return await new Promise<Sent>((done) => { sender.send({ to: sender.target(url), endpoint: url, slow: false, headers, body, quoted: true }, done); });
  } finally {
    await sender.stop();
  }
});

/** The endpoint of a challenge that is still the newest, and still owed. */
async function owing(tx: Tx, data: Readonly<Record<string, unknown>>): Promise<EndpointRow | undefined> {
  const row = await lockEndpoint(tx.sql, tx.tenant.id, uuid(data.endpoint as string));
  return row?.state === 'unverified' && row.challenge !== null && row.challenged === data.round ? row : undefined;
}

async function failed(tx: Tx, row: EndpointRow, no: number, reason: string): Promise<void> {
  await writeProof(tx.sql, tx.tenant.id, { ...row, unproven: reason });
  const waitSeconds = no < CHALLENGE_TRIES ? LADDER_SECONDS[no - 1] : undefined;
  if (waitSeconds !== undefined) tx.later(Challenge, { endpoint: row.id, round: row.challenged, no: no + 1 },
    { runAt: new Date(tx.now.getTime() + waitSeconds * 1000) });
}

/** Asks whoever is behind an address to show that it wants what we send, by a token that it must give back. Asked twice, nothing is wrong. */
export const challenge = call<Asking, Sent>({
  job: Challenge,
  async request(tx, data) {
    const row = await owing(tx, data);
    if (!row) return undefined;
    const secrets = openSecrets(tx, row);
    const [id, at] = [tx.uuid(), realNow(tx)];
    const body = render({ id, topic: CHALLENGE_TYPE, at, data: JSON.stringify({ token: challengeOf(tx, row) }) });
    const signing = { current: signingKey(secrets.current), previous: undefined, previousUntilMs: 0, headers: headersOf(tx, row) };
    return { url: row.url, headers: signedHeaders(signing, `evt_${id}`, at, body), body };
  },
  send: (asking, context) => context.use(Ask)(asking),
  inquire: async () => 'not-found',
  async record(tx, data, sent) {
    const row = await owing(tx, data);
    if (!row) return;
    const taken = sent.status !== null && sent.status >= 200 && sent.status < 300;
    if (!taken || !tokenEchoed(sent.excerpt, challengeOf(tx, row)))
      return failed(tx, row, data.no as number, sent.error ?? (taken ? 'not_echoed' : `status ${sent.status}`));
    await writeProof(tx.sql, tx.tenant.id, { ...row, state: 'active', challenge: null, unproven: null });
    tx.audit({ action: 'webhooks.endpoint-verified', result: 'done', resource: idOf('wep', row.id) });
    tx.emit(EndpointChanged, row.id, { endpoint: idOf('wep', row.id), change: 'verified' });
    tx.afterCommit(() => signal.wake(tx));
  },
  async expire(tx, data) {
    const row = await owing(tx, data);
    if (row) await writeProof(tx.sql, tx.tenant.id, { ...row, unproven: 'timeout' });
  },
  sendBudgetMs: TIMEOUT_MS + 5000, visibilityMs: NOTHING_TO_SHOW_MS, deadlineMs: DEADLINE_MS,
});

/** Asks again, with a new token. One that has nothing to prove stays as it is. */
export async function verify(tx: Tx, input: z.output<typeof zOfEndpoint>): Promise<Outcome<EndpointView>> {
  const row = await endpointIn(tx, input);
  if (!row) return refuse(unknownEndpoint);
  if (row.state === 'unverified') await writeProof(tx.sql, tx.tenant.id, owe(tx, row));
  tx.audit({ action: 'webhooks.endpoint-challenged', result: 'done', resource: idOf('wep', row.id) });
  return done(await single(tx, uuid(row.id)) as EndpointView);
}
