/**
 * Parameters of `unnest` as PostgreSQL's array text. Numbers, ids and dates need no quoting; to let the driver quote each of them
 * costs more than everything else that a transfer asks of the processor.
 */
export const plainArray = (values: readonly (bigint | number | string | null)[]): string => {
  let text = '{';
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    text += i === 0 ? value ?? 'null' : `,${value ?? 'null'}`;
  }
  return `${text}}`;
};
