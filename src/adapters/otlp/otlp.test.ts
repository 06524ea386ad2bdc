import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '#kernel';
import { house, newAddress, newBrowser, probe, somebody, type House } from '#test';
import { otlpTracer } from './index.ts';

interface Span {
  traceId: string; spanId: string; parentSpanId?: string; name: string; kind: number; startTimeUnixNano: string; endTimeUnixNano: string;
  attributes: { key: string; value: { stringValue?: string; intValue?: string } }[]; links: { traceId: string; spanId: string }[]; status: { code: number };
}

/** A collector's receiver, as small as it can be. */
let receiver: Server;
let bodies: string[] = [];
let paths: (string | undefined)[] = [];
let tracing: ReturnType<typeof otlpTracer>;
let h: House;
beforeAll(async () => {
  receiver = createServer((req, res) => {
    let text = '';
    req.setEncoding('utf8').on('data', (part: string) => { text += part; }).on('end', () => {
      bodies.push(text);
      paths.push(`${req.method} ${req.url} ${req.headers['x-team'] as string}`);
      res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((done) => { receiver.listen(0, '127.0.0.1', done); });
  const { port } = receiver.address() as { port: number };
  tracing = otlpTracer({ endpoint: `http://127.0.0.1:${port}`, headers: { 'x-team': 'tax' }, service: 'exchequer-test', log: createLog({ level: 'silent' }) });
  h = await house({ add: [probe()], limits: false, tracer: tracing.tracer });
});
afterAll(async () => {
  await h.stop();
  await new Promise((done) => receiver.close(done));
});
beforeEach(() => {
  bodies = [];
  paths = [];
});

const spans = (): Span[] => bodies.flatMap((b) => (JSON.parse(b) as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] }).resourceSpans)
  .flatMap((r) => r.scopeSpans).flatMap((s) => s.spans);
const attribute = (span: Span | undefined, key: string): string | undefined => {
  const value = span?.attributes.find((a) => a.key === key)?.value;
  return value?.stringValue ?? value?.intValue;
};

describe('spans', () => {
  it('tell request, batch, section and call of one trace, the caller’s own, and nothing about the person', async () => {
    const person = somebody();
    await h.enrol(person);
    const traceparent = (trace: string): Record<string, string> => ({ traceparent: `00-${trace}-${'b'.repeat(16)}-01` });
    const trace = '5'.repeat(32);
    const browser = newBrowser();
    const started = await h.request({
      path: '/api/sign-in/challenges', address: newAddress(), headers: traceparent(trace),
      json: { identifier: person.identifier, dateOfBirth: person.dateOfBirth, year: 2026, browser },
    });
    expect(started.status).toBe(201);
    await h.codeFor(person.phone);
    // Several requests at once share a batch, which names them.
    const many = await Promise.all(Array.from({ length: 6 }, (_, n) => h.request({ path: '/api/probe/many', json: { key: `s${n}`, n } })));
    expect(many.map((a) => a.status)).toEqual(many.map(() => 200));
    const failed = await h.request({ path: '/api/probe/one', json: { key: 'spanned', n: 1, fault: 'throw' } });
    expect(failed.status).toBe(500);
    await tracing.stop();

    expect(new Set(paths)).toEqual(new Set(['POST /v1/traces tax']));
    const all = spans();
    const mine = all.filter((s) => s.traceId === trace);
    const request = mine.find((s) => s.name === 'POST /api/sign-in/challenges');
    expect(request).toMatchObject({ kind: 2, parentSpanId: 'b'.repeat(16) });
    expect([attribute(request, 'http.response.status_code'), attribute(request, 'tenant')]).toEqual(['201', 'india']);
    const batch = mine.find((s) => s.name === 'batch' && s.parentSpanId === request?.spanId);
    expect(attribute(batch, 'items')).toBe('1');
    const section = mine.find((s) => s.name === 'section' && s.parentSpanId === batch?.spanId);
    expect(BigInt(section?.endTimeUnixNano ?? 0)).toBeGreaterThan(BigInt(section?.startTimeUnixNano ?? 0));
    expect(mine.find((s) => s.name === 'call identity.send-code')).toMatchObject({ kind: 3 });

    const shared = all.find((s) => s.name === 'batch' && Number(attribute(s, 'items')) > 1);
    expect(shared?.links.length).toBe(Number(attribute(shared, 'items')));
    for (const link of shared?.links ?? []) expect(all.some((s) => s.spanId === link.spanId && s.name === 'POST /api/probe/many')).toBe(true);
    expect(all.some((s) => s.name === 'batch' && s.status.code === 2)).toBe(true);

    const text = bodies.join('');
    for (const secret of [person.identifier, person.name, person.phone, browser, 'poisoned']) expect(text).not.toContain(secret);
  });
});

it('without a tracer nothing is begun: a request carries no span', async () => {
  const plain = await house({ add: [probe()], limits: false, tenants: [h.tenant('india')] });
  expect(plain.cell().tracer).toBeUndefined();
  expect((await plain.request({ path: '/api/probe/one', json: { key: 'plain', n: 1 } })).status).toBe(200);
  await plain.stop();
  expect(bodies).toEqual([]);
});
