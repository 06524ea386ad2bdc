import { call, fill, type Uuid } from '#kernel';
import { subjectKeys } from '#spine/vault';
import { SendCode, type MessageBody, type Profile } from '../contract.ts';
import { TextMessages, type TextMessage, type TextResult } from '../port.ts';
import { finishMessage, readMessage } from '../store.ts';
import { profilePlace } from './enrol.ts';
import { messagePlace } from './sign-in.ts';
import { en } from '../words/en.ts';
import { hi } from '../words/hi.ts';

const text = (body: MessageBody): string => fill((body.language === 'hi' ? hi : en).message, { code: body.code, office: body.office });

/** Sends a code to a phone: by the provider behind the port, never inside a transaction, never twice for one message. */
export const sendCode = call<Omit<TextMessage, 'key'>, TextResult>({
  job: SendCode,
  async request(tx, data) {
    const message = await readMessage(tx.sql, tx.tenant.id, data.message as string);
    if (!message || message.state !== 'pending' || message.body === null) return undefined;
    if (message.decoy || message.expires_at <= tx.now) {
      await finishMessage(tx.sql, message.id, message.decoy ? 'dropped' : 'expired', null, tx.now);
      return undefined;
    }
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
  },
  async expire(tx, data) {
    await finishMessage(tx.sql, data.message as string, 'expired', null, tx.now);
  },
  sendBudgetMs: 5000,
  visibilityMs: 3000,
  deadlineMs: 5 * 60_000,
});
