/** People and feed lines of the proofs, made from the demo's own, and a client that speaks to the program over HTTP. */
import { systemClock } from '#kernel';
import { demoFeed } from '#products/taxrefund';
import { signatureHeaders, type MachineKey } from '#spine/identity';

export interface Person { readonly identifier: string; readonly dateOfBirth: string; readonly phone: string; readonly name: string }
const letters = (i: number): string => Array.from({ length: 4 }, (_, k) => String.fromCharCode(65 + (Math.floor(i / 26 ** k) % 26))).join('');

const people = demoFeed({ country: 'IN' }).people(systemClock.now());
const template = people.find((p) => p.key === 'asha');
if (!template) throw new Error('no template');

export function personLine(i: number, mark: string): Person & Record<string, unknown> {
  const l = letters(i);
  return { ...template!.taxpayer, identifier: `${l.slice(0, 3)}P${l.slice(3)}0000A`, phone: `+91 ${String(i).padStart(10, '0')}`, name: `${mark} ${l}`, nameLocal: `${mark} ${l}` };
}
export const eventLines = (i: number, mark: string): Record<string, unknown>[] =>
  template!.events.filter((e) => e.year === 2026).map((e) => ({ ...e, identifier: personLine(i, mark).identifier, sourceEventId: `${e.sourceEventId}-${mark}-${i}` }));

export interface Answer { readonly status: number; readonly body: string }

export async function ask(port: number, method: string, path: string, o: { trace?: string; bearer?: string; json?: unknown; raw?: string; headers?: Record<string, string> } = {}): Promise<Answer> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method, redirect: 'manual', signal: AbortSignal.timeout(15_000), headers: {
      ...(o.trace ? { traceparent: `00-${o.trace}-${'1'.repeat(16)}-01` } : {}), ...(o.bearer ? { authorization: `Bearer ${o.bearer}` } : {}),
      ...(o.json !== undefined ? { 'content-type': 'application/json' } : {}), ...o.headers,
    },
    ...(o.json !== undefined ? { body: JSON.stringify(o.json) } : o.raw !== undefined ? { body: o.raw } : {}),
  });
  return { status: answer.status, body: await answer.text() };
}

export const feed = (port: number, slug: string, key: MachineKey, lines: readonly unknown[], trace?: string): Promise<Answer> => {
  const raw = lines.map((l) => JSON.stringify(l)).join('\n');
  const path = `/t/${slug}/api/tax-refunds/feed` as const;
  return ask(port, 'POST', path, {
    raw, ...(trace ? { trace } : {}),
    headers: { 'content-type': 'application/x-ndjson', ...signatureHeaders(key, `POST ${path}`, raw, systemClock.now().getTime()) },
  });
};

/** Starts a sign-in, finds the code where the made-up provider keeps what it sent, and gives it. */
export async function signIn(port: number, slug: string, p: Person, browser: string, outbox: () => Promise<{ to: string; text: string }[]>): Promise<string> {
  const started = await ask(port, 'POST', `/t/${slug}/api/sign-in/challenges`, { json: { identifier: p.identifier, dateOfBirth: p.dateOfBirth, year: 2026, browser } });
  if (started.status !== 201) throw new Error(`sign-in: ${started.body}`);
  const { challenge } = JSON.parse(started.body) as { challenge: string };
  const plain = p.phone.replaceAll(' ', '');
  for (let tries = 0; tries < 200; tries++) {
    const message = (await outbox()).find((m) => m.to.replaceAll(' ', '') === plain && /^\d{6}/.test(m.text));
    if (message) {
      const done = await ask(port, 'POST', `/t/${slug}/api/sign-in/challenges/${challenge}/code`, { json: { code: message.text.slice(0, 6), browser } });
      if (done.status === 200) return (JSON.parse(done.body) as { accessToken: string }).accessToken;
    }
    await systemClock.sleep(50);
  }
  throw new Error('no code came');
}
