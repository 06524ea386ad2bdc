import { describe, expect, it, vi } from 'vitest';
import { notice, seededRandom, systemClock, createLog, testClock, type NoticeKind } from '#kernel';
import { ABANDON_MS } from './contract.ts';
import { contrastOf, decide, isWanted, maskedEmail, minuteOfDay, quietUntil, type Standing } from './rules.ts';
import { createPool } from './service/pool.ts';
import { faultOf, mailHtml, render, TemplateFault } from './service/render.ts';
import type { Provider, SendResult, TextMessage } from './port.ts';

const text = { label: 'l', title: 't', body: 'b', text: 'x' };
const kindOf = (lane: NoticeKind['lane']): NoticeKind => notice('test.kind', {
  doc: 'x', lane, offered: ['inbox', 'text'], chosen: ['inbox', 'text'], lifeMs: 3_600_000, values: ['year'], texts: { en: text, hi: text },
});
const at = (iso: string): Date => new Date(iso);

describe('quiet hours', () => {
  const night = { from: 22 * 60, to: 7 * 60, zone: 'Asia/Kolkata' };
  it('are those of the person’s own clock and end to the minute', () => {
    expect(minuteOfDay(at('2026-11-28T18:30:00Z'), 'Asia/Kolkata')).toBe(0);
    expect(quietUntil(at('2026-11-28T16:29:00Z'), night)).toBeUndefined();
    expect(quietUntil(at('2026-11-28T16:30:00Z'), night)).toEqual(at('2026-11-29T01:30:00Z'));
    expect(quietUntil(at('2026-11-29T01:29:59Z'), night)).toEqual(at('2026-11-29T01:30:00Z'));
    expect(quietUntil(at('2026-11-29T01:30:00Z'), night)).toBeUndefined();
  });
  it('by day, none at all, and within one hour', () => {
    expect(quietUntil(at('2026-11-28T08:00:00Z'), { from: 480, to: 540, zone: 'UTC' })).toEqual(at('2026-11-28T09:00:00Z'));
    expect(quietUntil(at('2026-11-28T08:00:00Z'), { from: 480, to: 480, zone: 'UTC' })).toBeUndefined();
    expect(quietUntil(at('2026-11-28T08:59:30Z'), { from: 480, to: 540, zone: 'UTC' })).toEqual(at('2026-11-28T09:00:00Z'));
  });
  it('stay right over a change of clocks', () => {
    const berlin = { from: 22 * 60, to: 7 * 60, zone: 'Europe/Berlin' };
    expect(quietUntil(at('2026-03-28T22:00:00Z'), berlin)).toEqual(at('2026-03-29T05:00:00Z'));
    expect(quietUntil(at('2026-10-24T21:00:00Z'), berlin)).toEqual(at('2026-10-25T06:00:00Z'));
    // 02:30 does not exist on this morning: it ends at the first minute after.
    expect(quietUntil(at('2026-03-28T22:00:00Z'), { ...berlin, to: 150 })).toEqual(at('2026-03-29T01:00:00Z'));
  });
});

describe('what to do with a message', () => {
  const now = at('2026-11-28T18:00:00Z');
  const base: Standing = { kind: kindOf('normal'), channel: 'text', wanted: undefined, quiet: undefined, expiresAt: at('2026-11-28T19:00:00Z'),
    reachable: true, provided: true, busyMs: 0 };
  const night = { from: 22 * 60, to: 7 * 60, zone: 'Asia/Kolkata' };
  const cases: [string, Partial<Standing>, object][] = [
    ['sends', {}, { do: 'send' }],
    ['does not send what is not wanted', { wanted: false }, { do: 'suppress', reason: 'not-wanted' }],
    ['does not send on a channel that the kind is not told on', { channel: 'email' }, { do: 'suppress', reason: 'not-wanted' }],
    ['does not send too late', { expiresAt: now }, { do: 'suppress', reason: 'too-late' }],
    ['says when there is no provider', { provided: false }, { do: 'suppress', reason: 'no-provider' }],
    ['says when there is nowhere to send it', { reachable: false }, { do: 'suppress', reason: 'no-address' }],
    ['waits for the morning', { quiet: night }, { do: 'wait', until: at('2026-11-29T01:30:00Z'), reason: 'quiet-hours' }],
    ['waits when too many were sent', { busyMs: 60_000 }, { do: 'wait', until: at('2026-11-28T18:01:00Z'), reason: 'too-many' }],
    ['sends what is critical at any hour, wanted or not', { kind: kindOf('critical'), quiet: night, wanted: false, busyMs: 1 }, { do: 'send' }],
    ['but not when it is over', { kind: kindOf('critical'), expiresAt: now }, { do: 'suppress', reason: 'too-late' }],
  ];
  it.each(cases)('%s', (_, change, expected) => expect(decide(now, { ...base, ...change })).toEqual(expected));
  it('a person’s own choice goes before the kind’s', () => {
    expect(isWanted({ ...kindOf('normal'), chosen: [] }, 'text', true)).toBe(true);
    expect(isWanted({ ...kindOf('normal'), chosen: [] }, 'text', undefined)).toBe(false);
  });
  it('addresses are shown without their name', () => expect([maskedEmail('asha@example.com'), maskedEmail('a@b.example')]).toEqual(['a•••@example.com',
    'a•@b.example']));
});

describe('several providers', () => {
  const log = createLog({ level: 'silent' });
  type Fake = Provider<TextMessage> & { took: string[]; mode: 'fine' | 'refused' | 'closed' | 'silent'; knows: Map<string, SendResult> };
  const fake = (name: string): Fake => {
    const p: Fake = {
      name, took: [], mode: 'fine', knows: new Map(),
      async send(m) {
        if (p.mode === 'closed') throw Object.assign(new Error('closed'), { code: 'ECONNREFUSED' });
        if (p.mode === 'silent') throw new Error('time');
        p.took.push(m.key);
        return { state: 'accepted', providerId: `${name}-${m.key}` };
      },
      async inquire(key) {
        if (p.mode !== 'fine') throw new Error('time');
        return p.knows.get(key) ?? 'not-found';
      },
    };
    return p;
  };
  const message = (key: string): TextMessage & { key: string } => ({ to: '+91 00000 11111', text: 'x', key });
  const signal = AbortSignal.timeout(60_000);
  const open = (): { a: Fake; b: Fake; clock: ReturnType<typeof testClock>; pool: ReturnType<typeof createPool<TextMessage>> } => {
    const [a, b] = [fake('a'), fake('b')];
    const clock = testClock(at('2026-11-28T10:00:00Z'));
    return { a, b, clock, pool: createPool<TextMessage>([a, b], clock, log, seededRandom('pool')) };
  };

  it('share the messages by their points', async () => {
    const { a, b, pool } = open();
    for (let i = 0; i < 400; i++) await pool.send(message(String(i)), signal);
    expect(Math.abs(a.took.length - b.took.length)).toBeLessThan(80);
  });
  it('one that nobody answers at is passed over at once, and loses its share', async () => {
    const { a, b, clock, pool } = open();
    a.mode = 'closed';
    for (let i = 0; i < 200; i++) {
      clock.advance(1000);
      expect(await pool.send(message(String(i)), signal)).toMatchObject({ provider: 'b', state: 'accepted' });
    }
    expect(b.took).toHaveLength(200);
    expect(pool.health().find((h) => h.name === 'a')?.points).toBe(0);
    a.mode = 'fine';
    for (let i = 0; i < 6; i++) {
      clock.advance(15 * 60_000);
      await pool.send(message(`later ${i}`), signal);
    }
    expect(pool.health().find((h) => h.name === 'a')?.points).toBe(50);
  });
  it('one that may have taken it is asked before another may, until its time is over', async () => {
    const { a, b, clock, pool } = open();
    a.mode = b.mode = 'silent';
    await expect(pool.send(message('k'), signal)).rejects.toThrow('time');
    await expect(pool.inquire('k', signal)).rejects.toThrow('time');
    clock.advance(ABANDON_MS - 1);
    await expect(pool.inquire('k', signal)).rejects.toThrow('time');
    clock.advance(1);
    expect(await pool.inquire('k', signal)).toBe('not-found');
    b.mode = 'fine';
    b.knows.set('n', { state: 'accepted', providerId: 'b-n' });
    a.mode = 'fine';
    expect(await pool.inquire('n', signal)).toEqual({ state: 'accepted', providerId: 'b-n', provider: 'b' });
  });
  it('none that answers is an error, not a refusal', async () => {
    const { a, b, pool } = open();
    a.mode = b.mode = 'closed';
    await expect(pool.send(message('k'), signal)).rejects.toThrow('no provider answers');
  });
});

describe('templates', () => {
  const values = { year: '2026', amount: '123456', currency: 'INR' };
  it('fill values, set money by language, and keep to one line', () => {
    expect(render('en', 'title', 'You got {{ amount | money: currency }}\n for {{ year }}', values)).toBe('You got ₹1,234.56 for 2026');
  });
  it.each([
    ['a value that is not there', '{{ phone }}'], ['a loop without end', '{% for i in (1..100000000) %}{% for j in (1..100000000) %}x{% endfor %}{% endfor %}'],
    ['a file', '{% include "/etc/passwd" %}'], ['a file by another tag', '{% render "x" %}'], ['a layout', '{% layout "x" %}'],
      ['an unknown filter', '{{ year | exec }}'], ['half a tag', '{% if year'],
    ['too long a text', `${'x'.repeat(5000)}`],
      ['a huge repetition', '{% assign s = "xxxxxxxxxx" %}{% for i in (1..100000) %}{% assign s = s | append: s %}{% endfor %}{{ s }}'],
  ])('refuse %s', (_, source) => {
    const began = systemClock.monotonicMs();
    expect(() => render('en', 'title', source, values)).toThrow(TemplateFault);
    expect(systemClock.monotonicMs() - began).toBeLessThan(2000);
  });
  it('reach nothing of the host', () => {
    for (const source of ['{{ year.constructor }}', '{{ year.__proto__ }}', '{{ constructor }}', '{{ year["constructor"]["constructor"] }}'])
      expect(() => render('en', 'title', source, values)).toThrow(TemplateFault);
  });
  it('say the same in every language', () => {
    const one = (title: string): { title: string; body: string; text: string } => ({ title, body: 'b', text: 't' });
    expect(faultOf({ en: one('{{ year }}'), hi: one('{{ year }}') }, ['en', 'hi'], ['year'], values)).toBeUndefined();
    expect(faultOf({ en: one('{{ year }}'), hi: one('वर्ष') }, ['en', 'hi'], ['year'], values)).toMatchObject({ language: 'hi', part: 'title' });
    expect(faultOf({ en: one('{{ year }}') }, ['en', 'hi'], ['year'], values)).toMatchObject({ language: 'hi', why: 'no text in this language' });
    expect(faultOf({ en: one('{{ amount }}'), hi: one('{{ amount }}') }, ['en', 'hi'], ['year'], values)).toMatchObject({ why: 'there is no value amount' });
  });
  it('of a process that was held up for a moment are sent and accepted; what is slow each time is not accepted', () => {
    const began = systemClock.monotonicMs(), own = { title: '{{ year }}{{ year }}', body: '{{ year }}', text: '{{ year }}' };
    const accepts = (): unknown => faultOf({ en: own }, ['en'], ['year'], values);
    let calls = 0, heldUpAt = (n: number): boolean => n === 1, lost = 0;
    const now = vi.spyOn(performance, 'now').mockImplementation(() => began + (heldUpAt(calls++) ? lost += 200 : lost));
    try {
      expect(render('en', 'title', own.title, values)).toBe('20262026');
      calls = 0;
      expect(accepts()).toBeUndefined();
      expect(lost).toBe(400);
      heldUpAt = () => true;
      expect(accepts()).toMatchObject({ part: 'title', why: expect.stringContaining('limit') as string });
    } finally { now.mockRestore(); }
  });
  it('mail holds text, never markup of its values', () => {
    const html = mailHtml({ language: 'en', office: 'A & B', title: '<b>', body: '"x"\n\n<script>', foot: { href: '/a?b&c', label: 'f' } });
    expect(html).toContain('A &amp; B');
    expect(html).not.toMatch(/<script|<b>/);
  });
  it('mail has links in the office’s own colours, by day and by night, where they can be read', () => {
    const colours = (brand?: Record<string, string>): (string | undefined)[] => {
      const html = mailHtml({ language: 'en', office: 'o', title: 't', body: 'b', link: { href: '/a', label: 'more' }, ...(brand ? { brand } : {}) });
      return [/<a class="go" href="\/a" style="color:([^"]*)"/, /prefers-color-scheme:dark\)\{a\.go\{color:([^!]*)!/].map((p) => p.exec(html)?.[1]);
    };
    const usual = ['#0b57d0', '#a8c7fa'];
    expect(colours({ accent: '#0b5d4b', accent_dark: '#63c7ac' })).toEqual(['#0b5d4b', '#63c7ac']);
    expect(colours()).toEqual(usual);
    expect(colours({ accent: '#ffd400', accent_dark: '#1d1d40' })).toEqual(usual);
    expect(colours({ accent: 'red', accent_dark: '#63c7ac"><img' })).toEqual(usual);
    for (const [of, on] of [[usual[0], '#ffffff'], [usual[1], '#202124']] as [string, string][]) expect(contrastOf(of, on)).toBeGreaterThanOrEqual(4.5);
    expect(['#000000', '#777777', '#ffffff'].map((c) => contrastOf('#ffffff', c).toFixed(2))).toEqual(['21.00', '4.48', '1.00']);
    expect(mailHtml({ language: 'en', office: 'o', title: 't', body: 'b', brand: { accent: '#0b5d4b' } })).not.toContain('a.go');
  });
});
