import { call, fill, handle, type EventData, type JobHandler, type Tx, type Uuid } from '#kernel';
import { subjectKeys } from '#spine/vault';
import { SendCode, TellUndelivered, Undelivered, UNDELIVERED_TOLD_AFTER_MS, type MessageBody, type Profile } from '../contract.ts';
import { TextMessages, type TextMessage, type TextResult } from '../port.ts';
import { finishMessage, readMessage } from '../store.ts';
import { profilePlace } from './enrol.ts';
import { messagePlace } from './sign-in.ts';
import { en } from '../words/en.ts';
import { hi } from '../words/hi.ts';

const text = (body: MessageBody): string => fill((body.language === 'hi' ? hi : en).message, { code: body.code, office: body.office });

type Why = EventData<typeof Undelivered>['why'];
/** Of a reason one job waits, whatever fails meanwhile, and one event comes of it. */
const undelivered = (tx: Tx, why: Why): void => tx.later(TellUndelivered, { why, since: tx.now.toISOString() },
  { dedupe: why, runAt: new Date(tx.now.getTime() + UNDELIVERED_TOLD_AFTER_MS) });
export const tellUndelivered: JobHandler = handle(TellUndelivered, async (tx, data) => tx.emit(Undelivered, data.why, data));

/** Ends a message that nobody can send in time any more; a decoy's would have gone nowhere. */
async function tooLate(tx: Tx, message: string): Promise<undefined> {
  const [ended] = await finishMessage(tx.sql, message, 'expired', null, tx.now);
  if (ended && !ended.decoy) undelivered(tx, 'late');
}

/** Sends a code to a phone: by the provider behind the port, never inside a transaction, never twice for one message. */
export const sendCode = call<Omit<TextMessage, 'key'>, TextResult>({
  job: SendCode,
  async request(tx, data) {
    const message = await readMessage(tx.sql, tx.tenant.id, data.message as string);
    if (!message || message.state !== 'pending' || message.body === null) return undefined;
    if (message.decoy) return void await finishMessage(tx.sql, message.id, 'dropped', null, tx.now);
    if (message.expires_at <= tx.now) return tooLate(tx, message.id);
    const person = message.person as Uuid;
    const sealer = (await subjectKeys(tx, [person])).get(person);
    if (!sealer) return undefined;
    const profile = JSON.parse(sealer.open(profilePlace(person), message.profile)) as Profile;
    const body = JSON.parse(sealer.open(messagePlace(message.id as Uuid), message.body)) as MessageBody;
    return { to: profile.phone, text: text(body) };
  },
  send: (request, context) => context.use(TextMessages).send({ ...request, key: context.key }, context.signal),
  inquire: (_, context) => context.use(TextMessages).inquire(context.key, context.signal),
  async record(tx, data, result) {
    const [state, providerId] = result.state === 'accepted' ? ['sent', result.providerId] : ['refused', null];
    tx.write(() => finishMessage(tx.sql, data.message as string, state, providerId, tx.now));
    if (state === 'refused') undelivered(tx, 'refused');
  },
  async expire(tx, data) {
    await tooLate(tx, data.message as string);
  },
  sendBudgetMs: 5000,
  visibilityMs: 3000,
  deadlineMs: 5 * 60_000,
});
