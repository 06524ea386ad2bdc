/** Greatest object, as it is stored: sealed. */
export const OBJECT_BYTES_MAX = 16 * 1024 * 1024;
/** Keys: parts of small letters, digits and dashes between slashes, so that each is a path on any file system. */
export const OBJECT_KEY = /^[a-z0-9][a-z0-9-]{0,63}(?:\/[a-z0-9][a-z0-9-]{0,63}){1,4}$/;
/** Rows with objects that one statement lists, and objects that a copy or a check asks a store for at once. */
export const KEPT_ROWS_MAX = 500;
export const LOOKS_AT_ONCE = 8;
/** Missing objects after which a check looks no further. */
export const MISSING_MAX = 100;
