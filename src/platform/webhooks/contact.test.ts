import { afterAll, beforeAll, expect, it } from 'vitest';
import { memoryMail } from '#adapters/smtp';
import { provide } from '#kernel';
import { Providers } from '#platform/notify/port';
import { house, operatorOf, type House, type MadeOperator } from '#test';

const CONTACT = 'made.up.developer@example.com';
let h: House;
let operator: MadeOperator, stranger: MadeOperator;
const mail = memoryMail();
beforeAll(async () => {
  h = await house({ limits: false, provided: () => [provide(Providers, () => ({ text: [], email: [mail], push: [], from: 'office@example.com',
    linkBase: () => 'http://office.example' }))] });
  [operator, stranger] = [await operatorOf(h), await operatorOf(h, 'administrator', 'other')];
});
afterAll(() => h.stop());

interface View { endpoint: string; contact: string | null; state: string }
const ask = (method: string, path: string, json?: object, by = operator, tenant = 'india'): Promise<{ status: number; text: string; json<T>(): T }> =>
  h.request({ tenant, method: method as 'GET', path: `/api/webhooks/endpoints${path}`, cookies: by.cookies, headers: { 'sec-fetch-site': 'same-origin' },
    ...(json ? { json } : {}) });
const make = async (more: object): Promise<View> => {
  const answer = await ask('POST', '', { url: 'https://shop.example/hooks', description: 'The shop', events: ['*'], ...more });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.json<{ endpoint: View }>().endpoint;
};
const disable = async ({ endpoint }: View): Promise<void> => {
  expect((await ask('POST', `/${endpoint}/disable`)).json<View>().state).toBe('disabled');
  await h.settle();
};
const shown = async ({ endpoint }: View): Promise<View> => (await ask('GET', `/${endpoint}`)).json<{ endpoint: View }>().endpoint;

it('whoever looks after an endpoint is told by mail when it is disabled, each time once', async () => {
  const made = await make({ contact: CONTACT });
  expect(made.contact).toBe('m••••••@example.com');
  expect((await ask('GET', '')).json<{ endpoints: View[] }>().endpoints.find((e) => e.endpoint === made.endpoint)?.contact).toBe(made.contact);
  await disable(made);
  await h.settle();
  expect(mail.sent).toHaveLength(1);
  const [sent] = mail.sent;
  expect(sent).toMatchObject({ to: CONTACT, subject: 'A webhook endpoint was disabled' });
  expect(sent?.text).toContain(made.endpoint);
  expect(sent?.text).toContain('Somebody disabled it.');
  expect(sent?.text).toContain(`http://office.example/console/webhooks/${made.endpoint}`);
  // A contact has no page to choose on, and no mail of the critical lane is unsubscribed.
  expect(`${sent?.text} ${sent?.html}`).not.toContain('/notifications/preferences');
  await ask('POST', `/${made.endpoint}/enable`);
  await disable(made);
  expect(mail.sent).toHaveLength(2);
});

it('a contact can be changed and taken away, goes with its endpoint, and is another office’s business never', async () => {
  const made = await make({});
  expect(made.contact).toBeNull();
  const before = mail.sent.length;
  await disable(made);
  expect(mail.sent).toHaveLength(before);
  await ask('POST', `/${made.endpoint}/enable`);
  expect((await ask('PUT', `/${made.endpoint}`, { contact: 'other@example.com' })).json<View>().contact).toBe('o••••@example.com');
  // What is not named stays.
  expect((await ask('PUT', `/${made.endpoint}`, { description: 'x' })).json<View>().contact).toBe('o••••@example.com');
  expect((await ask('PUT', `/${made.endpoint}`, { contact: CONTACT }, stranger, 'other')).status).toBe(404);
  await disable(made);
  expect(mail.sent.slice(before).map((m) => m.to)).toEqual(['other@example.com']);
  expect((await ask('PUT', `/${made.endpoint}`, { contact: null })).json<View>().contact).toBeNull();
  expect((await shown(made)).contact).toBeNull();
  await ask('PUT', `/${made.endpoint}`, { contact: CONTACT });
  await ask('DELETE', `/${made.endpoint}`);
  expect(await h.sql('IN', 'superuser')('select 1 from notify.address where replace(person::text, \'-\', \'\') = $1', [made.endpoint.slice(4)])).toEqual([]);
  for (const contact of ['nobody', 'a@b', '<a@example.com>', `${'x'.repeat(300)}@example.com`])
    expect((await ask('POST', '', { url: 'https://shop.example/hooks', description: 'x', events: ['*'], contact })).status, contact).toBe(422);
});

it('the address stands nowhere in clear', async () => {
  await disable(await make({ contact: CONTACT }));
  expect(await h.findSecrets({ contact: CONTACT })).toEqual([]);
});
