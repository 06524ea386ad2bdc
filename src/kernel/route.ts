import type { z } from 'zod';
import type { PluralVerb, Prepare, Recall, Verb } from './batch.ts';
import type { Outcome, Problem } from './problem.ts';
import { token, type Actor, type CellContext, type Origin, type TenantRef } from './tx.ts';
import type { Language } from './text.ts';

/** Routes, pages, forms and streams are values; the edge, OpenAPI, the permission matrix and the page lists are read off them. */

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
export type Address = `${Method} /${string}`;

/**
 * Who may call: `public` for anybody, `person` for a signed-in person, `operator` for whichever operator is signed in, else the
 * name of a permission that a machine or an operator must hold.
 */
export type Scope = 'public' | 'person' | 'operator' | `${string}:${string}`;

/** The parts of a request that a route reads. Strings in params and query; body is JSON, or lines for `consumes: 'ndjson'`. */
export type RouteInput = z.ZodType<unknown, { params?: Record<string, unknown>; query?: Record<string, unknown>; body?: unknown }>;

/** Who is turned away first when a process has too much to do: reports before lists and pages, and those before sign-in and money. */
export type Priority = 'vital' | 'usual' | 'report';

export interface RouteSpec<I extends z.ZodType, O extends z.ZodType> {
  readonly summary: string;
  readonly scope: Scope;
  readonly input: I;
  readonly output: O;
  /** Writes the answer where a hot route keeps parts of it written; the text is the codec's own, which a test holds it to. */
  readonly wire?: (value: z.output<O>) => string;
  /** Status of a done answer; 200 unless said. */
  readonly status?: 200 | 201 | 202;
  readonly problems: readonly Problem[];
  /** 'required' refuses a machine's request without an Idempotency-Key; forms always carry one. */
  readonly idempotent?: 'required' | 'optional';
  /** What a repeat of the request is answered with, where a part of the first answer is shown once; without it, with all of that. */
  readonly kept?: (value: z.output<O>) => z.output<O>;
  readonly verb?: Verb<z.output<I>, z.output<O>>;
  readonly plural?: PluralVerb<z.output<I>, z.output<O>>;
  /** Where a plural verb names what it makes by the request's key, and so keeps its done answers itself. */
  readonly recall?: Recall<z.output<I>, z.output<O>>;
  /** What a plural verb reads and locks first: it leaves with what is asked ahead of the verb. */
  readonly ahead?: Prepare<z.output<I>>;
  /**
   * Work that may not stand in a transaction, such as putting a document where it is kept; resolves to the input that the verb is given, or to a
   * refusal that the route lists. It runs before anything is committed and again for each repeat, so it must come to the same end however often.
   */
  readonly prepare?: (context: PrepareContext, input: z.output<I>) => Promise<Outcome<z.output<I>>>;
  /** Name of the audit fact that each answer leaves, where the verb writes one. */
  readonly audit?: string;
  readonly example: { readonly input: z.input<I>; readonly output?: z.input<O> };
  /** Without it, `vital` for what changes something and `usual` for what reads. */
  readonly priority?: Priority;
  /** `form`: fields as a form or a mail program sends them, each a string. */
  readonly consumes?: 'json' | 'ndjson' | 'form';
  /** Greatest request body in bytes; 64 KiB unless said. */
  readonly bodyMax?: number;
  /** What answers while the database cannot be reached; without it, 503. */
  readonly degraded?: (context: DegradedContext, input: z.output<I>) => Promise<Outcome<z.output<O>> | undefined>;
}

export interface PrepareContext { readonly cell: CellContext; readonly tenant: TenantRef; readonly by: Origin }

export interface DegradedContext {
  readonly tenant: TenantRef;
  readonly actor: Actor;
  readonly trace: string;
  readonly address?: string;
  readonly agent?: string;
  readonly atMs?: number;
  readonly now: Date;
  use<T>(what: { readonly name: string; readonly type?: T }): T;
}

export interface Route<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> extends RouteSpec<I, O> {
  readonly kind: 'route';
  readonly method: Method;
  readonly path: string;
}
// A list of routes holds many input and output types; what reads the list only passes values through its codecs.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyRoute = Route<any, any>;

function split(address: Address): { method: Method; path: string } {
  const at = address.indexOf(' ');
  return { method: address.slice(0, at) as Method, path: address.slice(at + 1) };
}

/** Declares a route, served at `/api<path>`. Exactly one of `verb` and `plural`. */
export function route<I extends z.ZodType, O extends z.ZodType>(address: Address, spec: RouteSpec<I, O>): Route<I, O> {
  if ((spec.verb === undefined) === (spec.plural === undefined)) throw new TypeError(`${address}: exactly one of verb and plural`);
  return { kind: 'route', ...split(address), ...spec };
}

/** What a view is given beside its route's answer. */
export interface PageContext {
  readonly tenant: TenantRef;
  readonly brand: Readonly<Record<string, string>>;
  readonly language: Language;
  readonly theme: 'auto' | 'light' | 'dark';
  readonly signedIn: boolean;
  /** Path of this page with its query, without the tenant's prefix. */
  readonly path: string;
  /** Prefix of the tenant's pages: '' or `/t/<tenant>` in the demo. */
  readonly base: string;
  /** Address of a built file: `asset('refund-live.js')`. */
  asset(name: string): string;
  /** Hidden fields of every form on this page: session-bound token and a fresh idempotency key. */
  readonly token: string;
  readonly key: string;
  readonly now: Date;
  /** Synthetic data: the ribbon is shown. */
  readonly synthetic: boolean;
  /** Set while the database cannot be reached and a kept copy is shown. */
  readonly trace: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

/** A page as a view returns it; the kit's shell puts it into a document. */
export interface Rendered {
  readonly title: string;
  readonly body: unknown;
  readonly islands?: readonly string[];
  /** Without script the page asks for itself again after this long. */
  readonly refreshSeconds?: number;
  /** Built stylesheets beside the kit's. */
  readonly styles?: readonly string[];
  /** For a page of several columns; text keeps its line length. */
  readonly wide?: boolean;
  /** For a page that draws its own head and foot by script. */
  readonly bare?: boolean;
}

/** State of a form: what was typed and what is wrong with each field. */
export interface FormState { readonly values: Readonly<Record<string, string>>; readonly errors: Readonly<Record<string, string>>; readonly problem?: Problem;
  readonly data?: Readonly<Record<string, unknown>> }

export interface CookieChange { readonly name: string; readonly value: string | null; readonly maxAgeSeconds?: number;
  /** false lets the session alone decide. */ readonly httpOnly?: boolean }
export interface Redirect { readonly to: string; readonly cookies?: readonly CookieChange[] }

export interface PageSpec<O> {
  readonly route?: AnyRoute;
  /** Input of the route for this page; defaults to params and query. */
  readonly input?: (context: PageContext) => unknown;
  readonly scope?: Scope;
  readonly view: (context: PageContext, outcome: Outcome<O>, form: FormState) => Rendered;
  /** One example of each state that people can meet, for tests, screenshots and the reference. */
  readonly states?: (at: { readonly tenant: Pick<TenantRef, 'country'>; readonly now: Date }) => Readonly<Record<string, PageState<O>>>;
}

/** What a page is drawn from in one of its states. */
export interface PageState<O = unknown> {
  readonly outcome: Outcome<O>;
  readonly form?: FormState;
  readonly query?: Readonly<Record<string, string>>;
}
export interface Page<O = unknown> extends PageSpec<O> { readonly kind: 'page'; readonly method: 'GET'; readonly path: string }

/** Declares a page: a GET address for people, over exactly one route (or none, for a page of words and a form). */
export const page = <O>(address: `GET /${string}`, spec: PageSpec<O>): Page<O> => ({ kind: 'page', method: 'GET', path: split(address).path, ...spec });

/** A document to be set in type: a template, and what it is filled with. */
export interface Sheet { readonly template: URL; readonly data: Readonly<Record<string, unknown>> }

export interface DownloadSpec<O> {
  readonly route: AnyRoute;
  /** Input of the route; defaults to params and query. */
  readonly input?: (context: PageContext) => unknown;
  /** Content type of the file. */
  readonly type: string | ((value: O) => string);
  /** Name of the file: letters, digits, dots and dashes, since older programs read nothing else. */
  readonly filename: (value: O) => string;
  /** What stands in the file; a sheet becomes a PDF. Runs after the commit, outside any transaction. */
  readonly write: (value: O, context: Pick<PageContext, 'language' | 'tenant' | 'now'> & PrepareContext) => string | Sheet | Promise<string | Buffer>;
}
export interface Download<O = unknown> extends DownloadSpec<O> { readonly kind: 'download'; readonly method: 'GET'; readonly path: string }

/** Declares a download: a GET address whose answer is a file, over exactly one route, in whose name it is audited. */
export const download = <O>(address: `GET /${string}`, spec: DownloadSpec<O>): Download<O> => ({ kind: 'download', method: 'GET', path: split(address).path,
  ...spec });

/** A file of a form, as the browser named its type; nothing is believed of it yet. */
export interface UploadedFile { readonly type: string; readonly base64: string }

export interface FormSpec<I, O> {
  readonly route: AnyRoute;
  /** The typed fields as the route's wire input, or errors by field as keys of the page's words. */
  readonly fields: (values: Readonly<Record<string, string>>, context: PageContext & { cookies: Readonly<Record<string, string>>;
    files: Readonly<Record<string, UploadedFile>> }) => { input: I } | { errors: Record<string, string> };
  /** Greatest body of a form with files, in bytes; without it the form has none. */
  readonly uploadMax?: number;
  /** Where the person goes on, or the page that answers: for what is shown once, and stands at no address. */
  readonly then: (value: O, context: PageContext) => Redirect | Rendered;
  /** Renders the form again with what was typed. */
  readonly again: (context: PageContext, form: FormState) => Rendered;
}
export interface Form<I = unknown, O = unknown> extends FormSpec<I, O> { readonly kind: 'form'; readonly method: 'POST'; readonly path: string }
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyForm = Form<any, any>;
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyPage = Page<any>;
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyDownload = Download<any>;

export const form = <I, O>(address: `POST /${string}`, spec: FormSpec<I, O>): Form<I, O> =>
  ({ kind: 'form', method: 'POST', path: split(address).path, ...spec });

/** A hint that something changed: the page then fetches its own audited route. */
export interface Hint { readonly topic: string; readonly id: string; readonly version: number }
/** Where a web process's open pages hear of hints. */
export const Hints = token<{ publish(hint: Hint): void }>('hints');
export interface Stream { readonly kind: 'stream'; readonly method: 'GET'; readonly path: string; readonly scope: Scope;
  readonly topics: (actor: Actor, tenant: TenantRef) => readonly string[] }
export const stream = (address: `GET /${string}`, spec: { scope: Scope; topics: Stream['topics'] }): Stream =>
  ({ kind: 'stream', method: 'GET', path: split(address).path, ...spec });
