/**
 * The shapes that the pure part of the refund portal works with. Plain types: no codec, no SQL, no text.
 * Amounts are bigint minor units of the pack's currency. Instants are `Date`; civil dates are days in the pack's zone.
 */
import type { CivilDate, Currency } from '#kernel';

export type Country = 'IN' | 'US';

/**
 * The country-neutral machine; every national status maps to one phase (states are drawn in the README).
 * `rejected` is kept for authorities that report a refused return. Neither pack uses it: in India and the United States
 * a refused upload never reaches the refund feed.
 */
export type Phase =
  | 'filed' | 'verified' | 'processing' | 'needs_action' | 'held' | 'transferred'
  | 'determined' | 'nil' | 'demand' | 'rectified'
  | 'offset_proposed' | 'offset_applied' | 'withheld'
  | 'approved' | 'sent' | 'paid' | 'failed' | 'expired' | 'reissue_requested'
  | 'rejected' | 'lapsed' | 'superseded';

/** The five words that the design documents use; a lossy view of the phases, see `plainWord`. */
export type PlainWord = 'filed' | 'processing' | 'approved' | 'rejected' | 'refunded';

export type InCode =
  | 'IN_FILED_UNVERIFIED' | 'IN_VERIFIED' | 'IN_PROCESSING' | 'IN_DEFECTIVE' | 'IN_PROPOSED_ADJ' | 'IN_RISK_HOLD'
  | 'IN_TRANSFERRED_AO' | 'IN_REFUND_DETERMINED' | 'IN_NIL' | 'IN_DEMAND' | 'IN_245_INTIMATED' | 'IN_ADJ_PARTIAL'
  | 'IN_ADJ_FULL' | 'IN_WITHHELD' | 'IN_SENT_BANKER' | 'IN_PAID' | 'IN_FAILED' | 'IN_REISSUE_REQ' | 'IN_EXPIRED'
  | 'IN_SUPERSEDED' | 'IN_RECTIFIED' | 'IN_LAPSED';

export type UsCode =
  | 'US_WMR1' | 'US_WMR2' | 'US_WMR3'
  | 'US_TC150' | 'US_TC806' | 'US_TC766' | 'US_TC768' | 'US_TC570' | 'US_TC571' | 'US_TC572' | 'US_TC971' | 'US_TC810' | 'US_TC811'
  | 'US_TC420' | 'US_TC424' | 'US_TC290' | 'US_TC291' | 'US_TC826' | 'US_TC898' | 'US_TC899' | 'US_TC846' | 'US_TC841' | 'US_TC740'
  | 'US_CP05' | 'US_CP12' | 'US_CP49' | 'US_5071C' | 'US_4883C' | 'US_CP53E';

export type StatusCode = InCode | UsCode;

/** The code that a projection carries while the newest code is in no pack. */
export const UNMAPPED = 'UNMAPPED';

/** Who has to move next. */
export type Actor = 'you' | 'cpc' | 'assessing_officer' | 'refund_banker' | 'bank' | 'irs' | 'treasury' | 'nobody';

/** Why a status holds, as the source states it; unknown reasons are shown as `other`. */
export type ReasonCode =
  | 'account_closed' | 'ifsc_wrong' | 'name_mismatch' | 'not_validated' | 'pan_inoperative' | 'account_frozen' | 'routing_wrong'
  | 'no_bank_details' | 'check_undelivered'
  | 'deduction_check' | 'credit_mismatch' | 'identity_check' | 'path_act' | 'wage_check'
  | 'missing_schedule' | 'tax_unpaid' | 'tds_mismatch' | 'arithmetic' | 'not_verified_in_time' | 'defect_not_cured'
  | 'earlier_demand' | 'state_debt' | 'child_support' | 'student_loan' | 'assessment_pending' | 'other';

export type AmountName = 'claimed' | 'computed' | 'adjusted' | 'interest' | 'paid';

/** Answers to the checks that stand between a return and its money; absent = the source did not say. */
export interface VerificationFlags {
  readonly verified?: boolean;
  readonly panLinked?: boolean;
  readonly bankValidated?: boolean;
  readonly demandOpen?: boolean;
}

/** What an event may state beside its code. Nothing personal: the account and the name live elsewhere, sealed. */
export interface EventFacts {
  /** What the return asks for. */
  readonly claimed?: bigint;
  /** What the authority found due, before interest and set-off. */
  readonly computed?: bigint;
  /** What was kept for another debt; positive. */
  readonly adjusted?: bigint;
  readonly interest?: bigint;
  /** What the payment instruction said. */
  readonly paid?: bigint;
  /** The year (see `YearRule`) whose demand is set off. */
  readonly demandYear?: number;
  /** The last day to answer, as printed on the notice. */
  readonly respondBy?: CivilDate;
  readonly reasonCode?: ReasonCode;
  readonly noticeNo?: string;
  readonly trackingNo?: string;
  readonly formType?: string;
  /** Number of the return that this one replaces (1 = the original). */
  readonly revisedReturnOf?: number;
  readonly verification?: VerificationFlags;
}

/** One line of an authority's feed about one return. Identity: (source, sourceEventId); content: everything but `receivedAt`. */
export interface RefundEvent {
  readonly source: string;
  readonly sourceEventId: string;
  /** Starts at 1; a correction of the same event carries a higher number. */
  readonly sourceVersion: number;
  readonly occurredAt: Date;
  readonly receivedAt: Date;
  readonly code: string;
  readonly facts: EventFacts;
}

export type DeadlineRule =
  | { readonly kind: 'none' }
  | { readonly kind: 'days_after_event'; readonly days: number }
  /** The notice prints the day; without it the shortest lawful window is taken, so nobody is late by our error. */
  | { readonly kind: 'as_on_notice'; readonly daysMin: number; readonly daysMax: number }
  /** A date that the law fixes for the whole year. */
  | { readonly kind: 'year_date'; readonly which: YearDateName };

/** How a deadline was reached; a key of `words.deadline`. */
export type DeadlineBasis = 'printed' | 'counted' | 'shortest' | 'law';
export interface Deadline { readonly date: CivilDate; readonly basis: DeadlineBasis; readonly days: number | null }

export type Regime = 'IN-1961' | 'IN-2025' | 'US-IRC';
/** How sure the mapping is: read in an official text, in a secondary page, or to be checked again before it is cited. */
export type Checked = 'official' | 'secondary' | 'recheck';
export interface LawRef { readonly regime: Regime; readonly section: string; readonly checked: Checked }
export interface RegimeDates {
  readonly regime: Regime;
  /** First and last day on which the act itself is in force. */
  readonly from: CivilDate;
  readonly to: CivilDate | null;
  /** First and last year key (see `YearRule`) of the returns that it governs. */
  readonly firstYear: number;
  readonly lastYear: number | null;
}

/** One national status. */
export interface StatusRow {
  readonly code: StatusCode;
  readonly phase: Phase;
  readonly actor: Actor;
  /** A note is shown in the timeline and feeds the arithmetic but never becomes the status. */
  readonly effect: 'status' | 'note';
  readonly deadline: DeadlineRule;
  readonly law: readonly LawRef[];
  /** Evidence that money left the authority for the person. */
  readonly moneyMoved: boolean;
  /** Nothing further is expected by itself. */
  readonly final: boolean;
  /** A final status that can be undone keeps this many days (bank returns); null = never undone by time. */
  readonly reversibleDays: number | null;
  /** The amount that the status speaks of. */
  readonly speaksOf: AmountName | 'payable' | null;
  /** The checks that stay open while this is the status. */
  readonly opens: readonly BlockerKind[];
  readonly next: readonly Phase[];
}

/** Points (permille, value) of a distribution function, both ascending, from 0 to 1000; straight lines between them. */
export type Quantiles = readonly (readonly [permille: number, value: number])[];

/** How a filing season behaves, for the generator: first day, arrival (days), amounts (whole major units), durations (hours), shares per 10,000. */
export interface SeasonTable<Share extends string, Span extends string> {
  readonly country: Country;
  readonly start: CivilDate;
  readonly arrival: Quantiles;
  readonly amounts: Quantiles;
  readonly shares: Readonly<Record<Share, number>>;
  readonly durations: Readonly<Record<Span, Quantiles>>;
}
export interface InSeason extends SeasonTable<
  'refund' | 'demand' | 'nilClaimed' | 'demandClaimed' | 'unverified' | 'verifiedSameDay' | 'defective' | 'defectUnanswered' | 'proposed' | 'hold'
  | 'holdLarge' | 'transferred' | 'reduced' | 'setOffFull' | 'setOffPartial' | 'withheld' | 'bankFailure' | 'failureAgain' | 'reissued'
  | 'returnedAfterPaid' | 'expired' | 'nilRectified' | 'noInterest' | 'revised',
  'processing' | 'hold' | 'officer' | 'toBanker' | 'credit' | 'failure' | 'reissue' | 'resend'
> { readonly country: 'IN'; readonly largeRupees: number }
export interface UsSeason extends SeasonTable<
  'refund' | 'earnedIncome' | 'otherCredit' | 'hold' | 'review' | 'identityOnline' | 'identityPhone' | 'examination' | 'freeze' | 'mathError'
  | 'treasuryOffset' | 'offsetReversed' | 'taxOffset' | 'paperCheck' | 'depositReturned' | 'checkReturned' | 'taxRaised' | 'taxLowered' | 'revised',
  'posting' | 'hold' | 'identity' | 'approve' | 'dated' | 'returned' | 'reply' | 'resend'
> {
  readonly country: 'US';
  /** Month and day before which the law lets no refund with an earned income credit go. */
  readonly pathReleaseDay: string;
}

/** Why a range is shown, or why none is; keys of `words.expected`. */
export type ExpectedBasis = 'cohort' | 'published_rule';
export type NoExpected = 'no_refund' | 'paid' | 'waits_for_you' | 'held' | 'offset_pending' | 'longer_than_usual' | 'return_replaced' | 'not_known';

/** Days from the beginning of a phase to the money, or the reason why no honest range exists. */
export type ExpectedRule =
  | { readonly basis: ExpectedBasis; readonly days: Quantiles }
  | { readonly none: NoExpected };

export type YearDateName = 'due' | 'due_extended' | 'due_no_audit' | 'due_audit' | 'due_transfer_pricing' | 'belated' | 'revised' | 'updated';
export interface FormType { readonly code: string; readonly dueBy: YearDateName }

/**
 * How the pack names years. The key of a year is a number: in India the first year of the assessment year
 * (2026 = AY 2026-27) and from 2027 the year in which the tax year is filed (2027 = tax year 2026-27), so that
 * AY 2026-27 and tax year 2026-27 never share a key; in the United States the tax year itself (2025).
 */
export interface YearRule {
  readonly current: number;
  readonly history: number;
  /** Years from this key on are named by tax year; null = always named so. */
  readonly taxYearFrom: number | null;
  readonly taxYearOffset: number;
  readonly span: boolean;
  readonly dates: Readonly<Record<number, Partial<Record<YearDateName, CivilDate>>>>;
}

export interface IdentifierScheme {
  readonly kind: 'pan' | 'ssn';
  /** Pattern of the canonical form (after `normalizeIdentifier`). */
  readonly pattern: RegExp;
  /** Belongs to nobody. */
  readonly example: string;
  /** Positions shown in the masked form. */
  readonly shown: readonly [from: number, to: number];
}

export type BlockerKind = 'verification' | 'pan_link' | 'bank_validated' | 'demand' | 'response';
export type BlockerState = 'ok' | 'open' | 'unknown';
export interface Blocker { readonly kind: BlockerKind; readonly state: BlockerState }

/** A country as data. */
export interface CountryPack {
  readonly country: Country;
  readonly currency: Currency;
  readonly zone: string;
  /** The day on which a person last compared the pack with its sources. */
  readonly reviewedOn: CivilDate;
  readonly sources: readonly string[];
  readonly regimes: readonly RegimeDates[];
  readonly statuses: Readonly<Record<string, StatusRow>>;
  /** Feed sources, weakest word first; of two events at one instant the stronger source is the later one. */
  readonly precedence: readonly string[];
  readonly blockers: readonly BlockerKind[];
  /** Reasons that open a check whatever the status. */
  readonly opensByReason: Partial<Readonly<Record<ReasonCode, BlockerKind>>>;
  /** A return past filing has been verified by its filer (India); false where the feed does not imply it. */
  readonly impliesVerified: boolean;
  readonly forms: readonly FormType[];
  readonly year: YearRule;
  readonly identifier: IdentifierScheme;
  readonly expected: Readonly<Record<Phase, ExpectedRule>>;
  /** Refunds are rounded to a multiple of this many minor units. */
  readonly roundTo: bigint;
  readonly season: InSeason | UsSeason;
}

/** Why a timeline line did not move the status. */
export type TimelineNote = 'note' | 'unmapped' | 'out_of_sequence' | 'conflict';
export interface TimelineItem {
  readonly code: string;
  readonly phase: Phase;
  readonly occurredAt: Date;
  readonly source: string;
  readonly sourceEventId: string;
  readonly sourceVersion: number;
  readonly note?: TimelineNote;
}

export interface EventRef { readonly source: string; readonly sourceEventId: string; readonly sourceVersion: number; readonly code: string }
/** Two statements that cannot both hold; the first is shown, both stay in the timeline. */
export interface Conflict { readonly kept: EventRef; readonly other: EventRef }

export type Amounts = Readonly<Record<AmountName, bigint | null>>;

/** What one return shows. Pure function of the events: the same for any order and any repetition of them. */
export interface Projection {
  readonly code: StatusCode | typeof UNMAPPED;
  readonly phase: Phase;
  readonly plain: PlainWord;
  /** When the present status began. */
  readonly since: Date;
  readonly amounts: Amounts;
  readonly deadline: Deadline | null;
  readonly owner: Actor;
  readonly reasonCode: ReasonCode | null;
  readonly demandYear: number | null;
  readonly noticeNo: string | null;
  readonly blockers: readonly Blocker[];
  readonly timeline: readonly TimelineItem[];
  readonly conflicts: readonly Conflict[];
  /** Events that came twice with one version and different content; the first received counts. */
  readonly contradictions: readonly EventRef[];
  readonly unmappedCodes: readonly string[];
  /** Latest receipt per source. */
  readonly freshness: Readonly<Record<string, Date>>;
  /** From this day on the status is final; null while it is not. */
  readonly finalFrom: CivilDate | null;
  readonly trackingNo: string | null;
  readonly formType: string | null;
  readonly revisedReturnOf: number | null;
  readonly lastEventAt: Date;
  /** Number of distinct (source, event, version) known; grows with every new line. */
  readonly version: number;
}

/** What every status says, in every language. Only `sentence` has placeholders: {amount}, {date}, {deadline}; `answerOf` fills them. */
export interface StatusWords {
  readonly label: string;
  /** The page's answer in one sentence. */
  readonly sentence: string;
  /** The same answer when a value for the sentence is not known; no placeholder. */
  readonly short: string;
  readonly meaning: string;
  readonly reason: string;
  readonly action: string;
}
