import { page, type Outcome, type PageContext, type Rendered } from '#kernel';
import { Badge } from '#kit';
import type { Years } from '../contract.ts';
import { list } from '../routes.ts';
import { amountText, meaningOf, statusText, wordsOf, yearText } from './parts.tsx';

function listView(context: PageContext, outcome: Outcome<Years>): Rendered {
  const w = wordsOf(context);
  const years = outcome.ok ? outcome.value.years : [];
  return {
    title: w.list.title,
    body: (
      <>
        <h1>{w.list.title}</h1>
        <p class="lead">{years.length ? w.list.intro : w.list.empty}</p>
        {years.length > 0 && (
          <ul class="years">
            {years.map((y) => (
              <li>
                <a href={`${context.base}/tax-refunds/${y.year}`}>
                  <strong>{yearText(w, y.label)}</strong>
                  <span class="amount">{y.amount === null ? w.arithmetic.unknown : amountText(context, y.amount, y.currency)}</span>
                  <Badge meaning={meaningOf(y.phase)}>{statusText(w, y.code).label}</Badge>
                </a>
              </li>
            ))}
          </ul>
        )}
      </>
    ),
  };
}

export const listPage = page<Years>('GET /tax-refunds', { route: list, view: listView });
