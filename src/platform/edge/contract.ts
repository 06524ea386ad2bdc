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

export const COOKIE_LANGUAGE = 'xq_lang';
export const COOKIE_THEME = 'xq_theme';
/** Names the browser: binds form tokens and one-time codes to it, and lets a known device sign in while strangers are slowed. */
export const COOKIE_BROWSER = 'xq_browser';
export const BROWSER_COOKIE_SECONDS = 400 * 86_400;

/** What `Authenticated.cookies` and redirects may set; names get `__Host-` where the site is served over TLS. */
export const COOKIE_NAME = /^[a-z_]{1,32}$/;
