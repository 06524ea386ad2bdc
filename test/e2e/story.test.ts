import { createServer } from 'node:http';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { provide, systemClock } from '#kernel';
import { Reach } from '#platform/webhooks';
import { house, operatorOf, somebody, type House, type SignedIn } from '#test';
import { ensureMachine, signatureHeaders } from '#spine/identity';
import { has } from '../parts.ts';
import { chromiumPath, CHROMIUM_ARGS } from './chromium.ts';
import { builtAssets } from './pages.ts';
import { consolePage, walkRooms } from './rooms.ts';

/** One event of the real feed, and every hop of it on one timeline. */
describe.runIf(has('chromium'))('the story of one request', () => {
  let h: House, browser: Browser, base: string, page: Page, who: SignedIn, workers: { stop(): Promise<void> } | undefined;
  const faults: string[] = [];
  const came: string[] = [];
  const receiver = createServer((req, res) => {
    req.resume();
    came.push(String(req.headers['webhook-signature']));
    res.writeHead(204).end();
  });
  const person = somebody();

  beforeAll(async () => {
    await new Promise<void>((done) => { receiver.listen(0, '127.0.0.1', done); });
    h = await house({ serve: ['IN'], transport: 'http', assets: await builtAssets(), limits: false, provided: () => [provide(Reach, () => ({ loopback: true }))] });
    base = `http://india.localhost:${h.program.port}`;
    who = await h.signIn(person);
    browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGS });
    page = await consolePage(browser, await operatorOf(h), base, faults);
    workers = h.startWorkers(h.cell(), ['relay', 'worker']);
  });
  afterAll(async () => {
    await browser?.close();
    await workers?.stop();
    await h.stop();
    receiver.close();
  });

  it('shows request, event, notice, messages and webhook', { timeout: 60_000 }, async () => {
    const key = await h.perform('india', (tx) => ensureMachine(tx, 'everything', ['webhooks:manage', 'taxrefund:feed']));
    const send = (path: string, body: string, type: string): ReturnType<House['request']> => h.request({
      method: 'POST', path: `/api${path}`, body, headers: { 'content-type': type, ...signatureHeaders(key, `POST /api${path}`, body, systemClock.now().getTime()) } });
    const endpoint = { url: `http://127.0.0.1:${(receiver.address() as { port: number }).port}/hooks`, description: 'here', events: ['taxrefund.news'] };
    expect((await send('/webhooks/endpoints', JSON.stringify(endpoint), 'application/json')).status).toBe(201);
    const at = systemClock.now().toISOString();
    const line = JSON.stringify({ kind: 'event', identifier: person.identifier, year: 2026, returnNo: 1, source: 'efiling', sourceEventId: 'story-1', sourceVersion: 1, occurredAt: at, code: 'IN_FILED_UNVERIFIED', facts: {} });
    const fed = await send('/tax-refunds/feed', `${line}\n`, 'application/x-ndjson');
    expect(fed.json()).toMatchObject({ counts: { accepted: 1 } });
    const trace = String(fed.headers['x-trace-id']);
    await expect.poll(() => came.length, { timeout: 15_000 }).toBe(1);
    expect(came[0]).toMatch(/^v1,/);
    await expect.poll(() => h.messages.sent.filter((m) => m.to === person.phone && m.text.includes('changed')).length, { timeout: 15_000 }).toBe(1);
    const inbox = await h.request({ path: '/api/notifications', bearer: who.bearer });
    expect(inbox.json<{ notices: { kind: string }[] }>().notices[0]?.kind).toBe('taxrefund.changed');
    await page.goto(`${base}/console/events?trace=${trace}`);
    const story = page.locator('table').first();
    await expect.poll(() => story.innerText(), { timeout: 15_000 }).toContain('webhook taxrefund.news');
    const said = await story.innerText();
    for (const part of ['fact taxrefund.event-appended', 'event taxrefund.news', 'message taxrefund.changed · inbox', 'message taxrefund.changed · text', 'done']) expect(said).toContain(part);
    expect(await walkRooms(page, base, [`/events?trace=${trace}`])).toEqual([]);
    expect(faults).toEqual([]);
  });
});
