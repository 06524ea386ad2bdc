import { useNavigate, useSearch } from '@tanstack/react-router';
import type { Search } from './client.ts';

/** Filters of this address, and a way to change some of them; what is empty is left out. */
export function useSearchText(): [Search, (change: Search) => void] {
  const search: Search = useSearch({ strict: false });
  const navigate = useNavigate();
  return [search, (change) => void navigate({
    to: '.', search: Object.fromEntries(Object.entries({ ...search, ...change }).filter(([, value]) => value)) as never,
  })];
}
