import type { Language } from './text.ts';

/** Ways to tell a person something. The inbox is our own page; the others leave the house. */
export const channels = ['inbox', 'push', 'text', 'email'] as const;
export type Channel = (typeof channels)[number];
/** `critical` (codes, money) waits for nothing and cannot be turned off; `bulk` never stands before anything else. */
export type Lane = 'critical' | 'normal' | 'bulk';

/** What a notice says in one language; templates in which `{{ name }}` stands for one of the kind's values. */
export interface NoticeText {
  /** What the kind is called where a person chooses what to hear of. */
  readonly label: string;
  readonly title: string;
  readonly body: string;
  /** The text message: one sentence without anything personal; the office's name goes before it. */
  readonly text: string;
}

/** A kind of thing that a person may be told. Declared by the module that it is about, in its manifest; sent by platform/notify. */
export interface NoticeKind {
  readonly kind: 'notice';
  readonly name: string;
  readonly doc: string;
  readonly lane: Lane;
  /** Where it may be told, and where it is told unless the person says otherwise. */
  readonly offered: readonly Channel[];
  readonly chosen: readonly Channel[];
  /** After this long it is no longer told. */
  readonly lifeMs: number;
  /** Values that its templates may use: ids, codes, dates and amounts, never personal data. */
  readonly values: readonly string[];
  readonly texts: Readonly<Record<Language, NoticeText>>;
}
export const notice = (name: string, spec: Omit<NoticeKind, 'kind' | 'name'>): NoticeKind => ({ kind: 'notice', name, ...spec });
