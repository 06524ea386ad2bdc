/** A cell that begins like this is run as a formula by spreadsheet programs, also when it is quoted (OWASP, CSV injection). */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠|%]/;

/** One row of CSV (RFC 4180): every cell quoted, and a cell that would run as a formula led by an apostrophe, so that it is read as text. */
export const csvRow = (cells: readonly string[]): string =>
  `${cells.map((cell) => `"${(FORMULA.test(cell) ? `'${cell}` : cell).replaceAll('"', '""')}"`).join(',')}\r\n`;
