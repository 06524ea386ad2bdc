import { problem } from '#kernel';

/** Versions of the API by the day on which each began, the newest last. A request names one in Exchequer-Version; without it the newest answers. */
export const API_VERSIONS = ['2026-11-01'] as const;
export const API_VERSION_NEWEST: string = API_VERSIONS[API_VERSIONS.length - 1] as string;

export const unknownVersion = problem('unknown-version', {
  status: 400, title: 'This version of the API is not known here.',
  doc: 'Name one of `known` in the header Exchequer-Version, or leave it away for the newest.',
});

/** Limits of the door. Everything that comes in has a named maximum. */
export const BODY_BYTES_MAX = 64 * 1024;
export const HEADER_BYTES_MAX = 16 * 1024;
export const HEADERS_TIMEOUT_MS = 10_000;
export const REQUEST_TIMEOUT_MS = 60_000;
export const KEEP_ALIVE_MS = 72_000;
export const URL_BYTES_MAX = 2048;
export const FORM_FIELDS_MAX = 64;
/** Time that a drain gives open requests after SIGTERM. */
export const DRAIN_MS = 10_000;

/** Requests that one process works on at once; lists and pages may fill four fifths of it, reports half. */
export const OPEN_REQUESTS_MAX = 4096;
/** Requests that one person, operator or machine may have under way at once in a process. */
export const OPEN_PER_ACTOR_MAX = 32;
/** How often the loop is asked how late it is, and how many looks in a row must find it late. */
export const LATENESS_EVERY_MS = 100;
export const LATENESS_LOOKS = 5;

export const COOKIE_LANGUAGE = 'xq_lang';
export const COOKIE_THEME = 'xq_theme';
/** Names the browser: binds form tokens and one-time codes to it, and lets a known device sign in while strangers are slowed. */
export const COOKIE_BROWSER = 'xq_browser';
export const BROWSER_COOKIE_SECONDS = 400 * 86_400;

/** What `Authenticated.cookies` and redirects may set; names get `__Host-` where the site is served over TLS. */
export const COOKIE_NAME = /^[a-z_]{1,32}$/;
