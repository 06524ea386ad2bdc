/** Where operators work. */
export const CONSOLE = '/console';
