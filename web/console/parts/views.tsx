import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useRouterState } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { rooms } from '../rooms.ts';
import { base, client, fill, Refused, words } from './client.ts';
import { useSearchText } from './search.ts';

/** What a view does not keep: a page of many, and the purpose of one look. */
const PASSING = ['cursor', 'purpose'];

/** Filters of this room that the operator keeps under names of their own. Nothing where there is nothing to keep and nothing kept. */
export function Views(): ReactNode {
  const w = words.views;
  const path = useRouterState({ select: (s) => s.location.pathname }).replace(`${base}/console`, '');
  const room = rooms.find((r) => r.path === path);
  const [search] = useSearchText();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const name = path.slice(1);
  const key = ['views', name];
  const found = useQuery({ queryKey: key, enabled: room !== undefined, queryFn: ({ signal }) => client.getConsoleViews({ query: { room: name } }, { signal }) });
  const save = useMutation({
    mutationFn: (body: { name: string; search: string }) => client.postConsoleViews({ body: { room: name, ...body } }),
    onSuccess: (value) => queries.setQueryData(key, value),
  });
  const remove = useMutation({
    mutationFn: (view: string) => client.deleteConsoleViewsView({ params: { view } }), onSettled: () => queries.invalidateQueries({ queryKey: key }),
  });
  const now = new URLSearchParams(Object.entries(search).filter((e): e is [string, string] => e[1] !== undefined && !PASSING.includes(e[0]))).toString();
  const views = found.data?.views ?? [];
  if (!room || (!now && !views.length)) return null;
  const error = save.error ?? remove.error;
  return (
    <section className="views" aria-label={w.title}>
      {views.length > 0 && (
        <ul>{views.map((v) => (
          <li key={v.view}>
            <button type="button" className="link" aria-current={v.search === now ? 'true' : undefined}
              onClick={() => void navigate({ to: room.path, search: Object.fromEntries(new URLSearchParams(v.search)) as never })}>{v.name}</button>
            <button type="button" className="link quiet" disabled={remove.isPending} aria-label={fill(w.removeOf, { name: v.name })}
              onClick={() => remove.mutate(v.view)}>{w.remove}</button>
          </li>
        ))}</ul>
      )}
      {now && (
        <form key={now} onSubmit={(event) => {
          event.preventDefault();
          const typed = new FormData(event.currentTarget).get('view');
          if (typeof typed === 'string' && typed.trim()) save.mutate({ name: typed.trim(), search: now });
        }}>
          <label htmlFor="view-name">{w.name}</label>
          <input id="view-name" name="view" required maxLength={60} autoComplete="off" />
          <button type="submit" className="second" disabled={save.isPending}>{w.save}</button>
        </form>
      )}
      {error && <p role="status">{error instanceof Refused ? error.problem.title : words.states.away}</p>}
    </section>
  );
}
