import type { z } from 'zod';
import type { ConfigSpec } from './config.ts';
import type { AnyCall } from './call.ts';
import type { Saga } from './saga.ts';
import type { Claimer, Gate, Item } from './batch.ts';
import type { EventData, EventType, JobType } from './event.ts';
import type { Log } from './log.ts';
import type { Uuid } from './id.ts';
import type { Machine } from './machine.ts';
import type { NoticeKind } from './notice.ts';
import type { Problem } from './problem.ts';
import type { SqlTag } from './sql.ts';
import { token, type Actor, type CellContext, type SectionTx, type TenantRef, type Token, type Tx, type Writer } from './tx.ts';
import type { AnyDownload, AnyForm, AnyPage, AnyRoute, CookieChange, Stream } from './route.ts';
import type { CivilDate, Clock } from './clock.ts';

/** Rights of a database role on a table, as SQL words. */
export type Rights = 'select' | 'insert' | 'update' | 'delete';
export interface TableSpec {
  readonly app?: readonly Rights[];
  readonly spine?: readonly Rights[];
  readonly auditor?: readonly Rights[];
  /** False for the few tables without a `tenant` column; every other table gets forced row-level security by tenant. */
  readonly tenant?: false;
  /** It shows rows of other tables, as whoever asks may see them: it has none of its own to keep. */
  readonly view?: true;
}

/** An effect of an event, at least once, in order per key, in a transaction of the event's tenant. */
export interface Reaction<E extends EventType = EventType> {
  readonly kind: 'reaction';
  readonly on: E;
  /** Name of the subscriber: its cursor. */
  readonly subscriber: string;
  readonly run?: (tx: Tx, event: Happened<E>) => Promise<void>;
  /** All events of a tenant that were read together, in order, in one transaction. */
  readonly many?: (tx: SectionTx, events: readonly Item<Happened<E>>[]) => Promise<void>;
}
/** An event as a reaction is given it. */
export interface Happened<E extends EventType = EventType> { readonly id: string; readonly key: string; readonly at: Date; readonly data: EventData<E> }
export const on = <E extends EventType>(type: E, subscriber: string, run: NonNullable<Reaction<E>['run']>): Reaction<E> =>
  ({ kind: 'reaction', on: type, subscriber, run });
/** Where many events of one subscriber are one piece of work. What throws is tried again one by one. */
export const onMany = <E extends EventType>(type: E, subscriber: string, many: NonNullable<Reaction<E>['many']>): Reaction<E> =>
  ({ kind: 'reaction', on: type, subscriber, many });

export interface JobHandler {
  readonly kind: 'handler';
  readonly job: JobType;
  readonly run?: (tx: Tx, data: Readonly<Record<string, unknown>>) => Promise<void>;
  /** All jobs of a tenant that were claimed together, in one transaction; what throws is bisected out. */
  readonly many?: (tx: SectionTx, items: readonly Item<Readonly<Record<string, unknown>>>[]) => Promise<void>;
}
export const handle = <J extends JobType>(job: J, run: (tx: Tx, data: z.output<J['data']>) => Promise<void>): JobHandler =>
  ({ kind: 'handler', job, run: run as NonNullable<JobHandler['run']> });
/** For a job that is declared with `many`. */
export const handleMany = <J extends JobType>(job: J, many: (tx: SectionTx, items: readonly Item<z.output<J['data']>>[]) => Promise<void>): JobHandler =>
  ({ kind: 'handler', job, many: many as unknown as NonNullable<JobHandler['many']> });

/** A job that each tenant gets at the times of a cron pattern, by its own clock, once whatever number of processes run. */
export interface Schedule {
  readonly kind: 'schedule';
  readonly name: string;
  readonly doc: string;
  /** Five fields: minute, hour, day of month, month, day of week. */
  readonly cron: string;
  /** IANA zone; the tenant's own unless said. */
  readonly zone?: string | undefined;
  /** What becomes of times that passed while nothing ran: `each` makes a job for every one, `last` one for all. */
  readonly missed: 'each' | 'last';
  readonly job: JobType;
  /** The job's data; `at` is the time of the pattern, not when it was noticed, `on` its civil date in the zone. */
  readonly data: (fired: { readonly at: Date; readonly on: CivilDate }) => Readonly<Record<string, unknown>>;
}
export const schedule = (name: string, spec: Omit<Schedule, 'kind' | 'name'>): Schedule => ({ kind: 'schedule', name, ...spec });

/** What a background worker of a cell is given. */
export interface WorkerContext {
  readonly cell: CellContext;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly modules: readonly Module[];
  /** The tenants of this cell by id. */
  tenant(id: string): Promise<TenantRef | undefined>;
  /** All tenants of this cell that this process knows now. */
  tenants(): readonly TenantRef[];
}
/** `any`: in every process, whatever its roles. */
export interface Worker { readonly name: string; readonly role: 'web' | 'relay' | 'worker' | 'any'; run(context: WorkerContext): Promise<void> }

/** Who sends a request, as far as its headers and cookies prove it. */
export interface Credentials { readonly authorization?: string | undefined; readonly cookies: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The bytes of the body, where they are signed. */
  readonly body?: Uint8Array | undefined;
  /** Method and target as the request line had them when it came in, before a tenant's prefix was taken off: `POST /t/india/api/things?x=1`. */
  readonly request: string }
export interface Authenticated { readonly actor: Actor; readonly cookies?: readonly CookieChange[]; readonly bySecret?: 'cookie' | 'header' }
export interface Authenticator {
  readonly name: string;
  /** Cookies that hold its credentials: taken away when what they name turns out to be over. */
  readonly cookies?: readonly string[];
  /** Whom it knows: where one browser is signed in as both, the address that is asked decides who asks. `person` unless said. */
  readonly of?: 'person' | 'operator';
  authenticate(context: { cell: CellContext; tenant: TenantRef; clock: Clock },
    credentials: Credentials): Promise<Authenticated | undefined> | Authenticated | undefined;
}

/** A check of a live cell for `exchequer verify`: resolves to what it found wrong, first violation first. */
export interface Check { readonly name: string; readonly doc: string; run(context: { cell: CellContext; tenant: TenantRef }): Promise<readonly string[]> }

/**
 * Objects outside the database that rows of a module stand for, in the order of the rows' ids (UUIDv7, so later ones come later). Read as the auditor,
 * page by page: by it backups know what to carry and `exchequer verify` what has to be there.
 */
export interface KeptObjects {
  /** Prefix of the rows' public ids. */
  readonly prefix: string;
  readonly doc: string;
  readonly list: (tx: { readonly sql: SqlTag; readonly tenant: TenantRef }, after: Uuid, limit: number) =>
    Promise<readonly { readonly id: Uuid; readonly object: string }[]>;
}

export interface Module {
  readonly name: `${'spine' | 'platform' | 'products'}/${string}`;
  /** Modules of the same tier whose door this one imports. */
  readonly needs: readonly string[];
  readonly doc: string;
  /** Its rows are locked behind those of every other module, whatever its tier: the ledger's accounts. */
  readonly locksLast?: true;
  /** Folder of the migrations; the schema bears the module's short name. */
  readonly migrations?: URL;
  readonly tables?: Readonly<Record<string, TableSpec>>;
  /** Sequences and functions of its schema, and the database roles that may use them. A function's name has its argument types. */
  readonly sequences?: Readonly<Record<string, readonly ('app' | 'spine')[]>>;
  readonly functions?: Readonly<Record<string, readonly ('app' | 'spine')[]>>;
  readonly routes?: readonly AnyRoute[];
  readonly pages?: readonly AnyPage[];
  readonly forms?: readonly AnyForm[];
  readonly downloads?: readonly AnyDownload[];
  readonly streams?: readonly Stream[];
  readonly problems?: readonly Problem[];
  readonly events?: readonly EventType[];
  readonly machines?: readonly Machine<string>[];
  readonly reactions?: readonly Reaction[];
  readonly handlers?: readonly JobHandler[];
  readonly schedules?: readonly Schedule[];
  readonly calls?: readonly AnyCall[];
  /** What persons may be told of, by platform/notify. */
  readonly notices?: readonly NoticeKind[];
  readonly sagas?: readonly Saga[];
  readonly workers?: readonly Worker[];
  readonly writers?: readonly Writer[];
  readonly gates?: readonly Gate[];
  readonly claimer?: Claimer;
  readonly authenticators?: readonly Authenticator[];
  readonly checks?: readonly Check[];
  readonly objects?: KeptObjects;
  /** What a process holds for each cell: caches and the like, made at start. */
  readonly state?: readonly Provided[];
  readonly permissions?: Readonly<Record<string, string>>;
  /** Of these, what no program may be given: a person answers for it, or is one of two who have to agree. */
  readonly forPeople?: readonly string[];
  readonly config?: ConfigSpec;
  /** Personal data that the module's tables hold: column → kind and how it is kept. */
  readonly privacy?: Readonly<Record<string, { readonly kind: string; readonly kept: 'sealed' | 'blind-index' }>>;
  /** Entry of a single-page application; its parts are loaded when they are entered. */
  readonly application?: URL;
  /** Where islands' sources lie. */
  readonly islands?: URL;
}

export interface Provided<T = unknown> { readonly token: Token<T>;
  readonly make: (cell: { name: string; clock: Clock; log: Log; pools: CellContext['pools']; use<U>(what: Token<U>): U }) => T }
export const provide = <T>(token: Token<T>, make: Provided<T>['make']): Provided<T> => ({ token, make });

/** Short name of a product's module; undefined for what every tenant has. */
export const productOf = (module: Pick<Module, 'name'>): string | undefined =>
  (module.name.startsWith('products/') ? module.name.slice('products/'.length) : undefined);

/** The manifest of a module; imported by apps only. */
export const defineModule = (module: Module): Module => module;

/** The manifests of the program, for what is read off them in a verb. */
export const Manifests = token<readonly Module[]>('manifests');
