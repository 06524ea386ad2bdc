import { afterAll, beforeAll, expect, it } from 'vitest';
import { startSim, textMessagesConform, type Sim } from '#test';
import { formMessages, httpMessages, memoryMessages } from './index.ts';

let sim: Sim;
beforeAll(async () => { sim = await startSim('sms'); });
afterAll(() => sim.stop());

const memory = memoryMessages();
textMessagesConform('this process’s memory', () => ({ messages: memory, delivered: async () => memory.sent }));
textMessagesConform('HTTP (sim/sms)', () => ({
  messages: httpMessages(sim),
  delivered: async () => (await fetch(`${sim.base}/v1/outbox`, { headers: { authorization: `Bearer ${sim.token}` } })).json() as Promise<{ to: string;
    text: string }[]>,
}));

let second: Sim;
beforeAll(async () => { second = await startSim('sms'); });
afterAll(() => second.stop());
textMessagesConform('fields (sim/sms)', () => ({
  messages: formMessages({ base: `${second.base}/form`, account: 'sim', secret: second.token }),
  delivered: async () => (await fetch(`${second.base}/v1/outbox`, { headers: { authorization: `Bearer ${second.token}` } })).json() as Promise<{ to: string;
    text: string }[]>,
}));

it('an answer that leaves the outcome open is an error, never a refusal', async () => {
  const message = { to: '+91 00000 77777', text: 'x', key: 'open-outcome' };
  await expect(httpMessages({ ...sim, token: 'wrong' }).send(message, AbortSignal.timeout(5000))).rejects.toThrow('401');
  await expect(httpMessages({ ...sim, base: 'http://127.0.0.1:1' }).send(message, AbortSignal.timeout(5000))).rejects.toThrow();
  await expect(httpMessages(sim).send(message, AbortSignal.abort())).rejects.toThrow();
  expect(await httpMessages(sim).inquire('open-outcome', AbortSignal.timeout(5000))).toBe('not-found');
});
