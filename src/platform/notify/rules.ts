import { machine, type Channel, type Machine, type NoticeKind } from '#kernel';
import type { CampaignState, MessageState, Progress, Reason, ReceiptState } from './contract.ts';

export interface Quiet { readonly from: number; readonly to: number; readonly zone: string }

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;
const clocks = new Map<string, Intl.DateTimeFormat>();

/** True for an IANA zone that this machine knows. */
export function isZone(zone: string): boolean {
  try {
    minuteOfDay(new Date(0), zone);
    return true;
  } catch {
    return false;
  }
}

/** Minutes since midnight on the wall clock of a zone. */
export function minuteOfDay(at: Date, zone: string): number {
  let clock = clocks.get(zone);
  if (!clock) clocks.set(zone, (clock = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })));
  const [hour = '0', minute = '0'] = clock.format(at).split(':');
  return Number.parseInt(hour, 10) * 60 + Number.parseInt(minute, 10);
}

const within = (minute: number, q: Quiet): boolean => (q.from <= q.to ? minute >= q.from && minute < q.to : minute >= q.from || minute < q.to);

/**
 * When quiet hours that hold now are over, to the minute; undefined when they do not hold. Stepping by the wall clock keeps it right over a change
 * of clocks: where the end falls into a skipped hour it is the first minute after.
 */
export function quietUntil(now: Date, q: Quiet): Date | undefined {
  if (q.from === q.to || !within(minuteOfDay(now, q.zone), q)) return undefined;
  let at = new Date(Math.floor(now.getTime() / MINUTE_MS) * MINUTE_MS);
  // The guess by the clock may be off by a change of clocks; from an hour before it, minutes are looked at one by one.
  const left = (q.to - minuteOfDay(at, q.zone) + DAY_MINUTES) % DAY_MINUTES;
  at = new Date(at.getTime() + Math.max(1, left - 60) * MINUTE_MS);
  for (let i = 0; i < 4 * 60 && within(minuteOfDay(at, q.zone), q); i++) at = new Date(at.getTime() + MINUTE_MS);
  return at;
}

export interface Standing {
  readonly kind: NoticeKind;
  readonly channel: Channel;
  /** What the person chose; undefined where they chose nothing. */
  readonly wanted: boolean | undefined;
  readonly quiet: Quiet | undefined;
  readonly expiresAt: Date;
  readonly reachable: boolean;
  readonly provided: boolean;
  /** Milliseconds until this person may be told something again; 0 for now. */
  readonly busyMs: number;
}
export type Decision = { readonly do: 'send' } | { readonly do: 'wait'; readonly until: Date; readonly reason: Reason }
  | { readonly do: 'suppress'; readonly reason: Reason };

export const isWanted = (kind: NoticeKind, channel: Channel, wanted: boolean | undefined): boolean =>
  kind.offered.includes(channel) && (kind.lane === 'critical' && kind.chosen.includes(channel) ? true : wanted ?? kind.chosen.includes(channel));

/** What to do with a message now; asked just before sending, never when it was made. */
export function decide(now: Date, s: Standing): Decision {
  if (!isWanted(s.kind, s.channel, s.wanted)) return { do: 'suppress', reason: 'not-wanted' };
  if (s.expiresAt <= now) return { do: 'suppress', reason: 'too-late' };
  if (!s.provided) return { do: 'suppress', reason: 'no-provider' };
  if (!s.reachable) return { do: 'suppress', reason: 'no-address' };
  if (s.kind.lane === 'critical') return { do: 'send' };
  const quiet = s.quiet && quietUntil(now, s.quiet);
  if (quiet) return { do: 'wait', until: quiet, reason: 'quiet-hours' };
  return s.busyMs > 0 ? { do: 'wait', until: new Date(now.getTime() + s.busyMs), reason: 'too-many' } : { do: 'send' };
}

/** A mail address as it may be shown on a page that others may look at. */
export function maskedEmail(email: string): string {
  const [name = '', domain = ''] = email.split('@');
  return `${name.slice(0, 1)}${'•'.repeat(Math.min(6, Math.max(1, name.length - 1)))}@${domain}`;
}

/** From which states a receipt moves a message, and where to. Whatever is heard late, again or in the wrong order finds no way back. */
const RECEIPTS: Readonly<Record<ReceiptState, { readonly from: readonly MessageState[]; readonly to?: MessageState; readonly reason?: Reason }>> = {
  sent: { from: [] }, delivered: { from: ['sent'], to: 'delivered' }, opened: { from: ['sent', 'delivered'], to: 'opened' },
  failed: { from: ['sent'], to: 'failed', reason: 'unreachable' },
  // A box may send back what its server took, and a person complains of what they have seen.
  bounced: { from: ['sent', 'delivered'], to: 'failed', reason: 'bounced' },
  complained: { from: ['sent', 'delivered', 'opened'], to: 'failed', reason: 'complained' },
};
export function afterReceipt(state: MessageState, said: ReceiptState): { readonly state: MessageState; readonly reason: Reason | null } | undefined {
  const { from, to, reason = null } = RECEIPTS[said];
  return to && from.includes(state) ? { state: to, reason } : undefined;
}

export const campaignMachine: Machine<CampaignState> = machine<CampaignState>('notify.campaign', 'draft', {
  draft: ['running', 'stopped'], running: ['paused', 'stopped'], paused: ['running', 'stopped'], stopped: [],
});

const BUCKETS: Readonly<Record<MessageState, keyof Progress>> = { waiting: 'waiting', sending: 'waiting', sent: 'sent', delivered: 'sent', opened: 'sent',
  suppressed: 'skipped', refused: 'failed', dead: 'failed', failed: 'failed' };
/** How far messages are, from how many of them stand where and why. */
export function progressOf(rows: readonly { readonly state: MessageState; readonly reason: Reason | null; readonly count: number }[]): Progress {
  const p = { total: 0, sent: 0, skipped: 0, delayed: 0, waiting: 0, failed: 0 };
  for (const { state, reason, count } of rows) {
    p.total += count;
    p[state === 'waiting' && reason !== null ? 'delayed' : BUCKETS[state]] += count;
  }
  return p;
}

/** The place of the n-th who follow `from`. */
export const placeOf = (from: Date, n: number, perMinute: number): Date => new Date(from.getTime() + Math.floor((n * MINUTE_MS) / perMinute));

const COLOUR = /^#[0-9a-f]{6}$/;
/** Contrast of small text that everybody can read (WCAG 2.2, 1.4.3). */
const CONTRAST_MIN = 4.5;
/** What mail programs show a mail on, and links that are readable there: by day, and the lightest of their nights. */
const LINKS = { light: { on: '#ffffff', own: 'accent', else: '#0b57d0' }, dark: { on: '#202124', own: 'accent_dark', else: '#a8c7fa' } } as const;

/** Relative luminance (WCAG 2.2) of `#rrggbb`. */
function luminanceOf(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** 1 to 21. */
export function contrastOf(one: string, other: string): number {
  const [low, high] = [luminanceOf(one), luminanceOf(other)].toSorted((a, b) => a - b) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** Colours of links in an office's mail: its accents, where they can be read on what mail is shown on. */
export function linkColours(brand: Readonly<Record<string, string>> = {}): { readonly light: string; readonly dark: string } {
  const of = (l: (typeof LINKS)['light' | 'dark']): string => {
    const own = brand[l.own] ?? '';
    return COLOUR.test(own) && contrastOf(own, l.on) >= CONTRAST_MIN ? own : l.else;
  };
  return { light: of(LINKS.light), dark: of(LINKS.dark) };
}
