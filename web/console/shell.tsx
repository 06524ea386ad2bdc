import { useQuery } from '@tanstack/react-query';
import { Link, Navigate, Outlet, useRouterState } from '@tanstack/react-router';
import { createContext, useContext, useEffect, useState, type ReactNode } from 'react';
import { Palette } from './palette.tsx';
import { base, client, fill, signIn, words, type Me } from './parts/client.ts';
import { Answer, Page } from './parts/page.tsx';
import { drawnAt, isOurs, rooms, roomsOf, type Room } from './rooms.ts';

const ALERTS_MS = 30_000;
const MeContext = createContext<Me | undefined>(undefined);
export function useMe(): Me {
  const me = useContext(MeContext);
  if (!me) throw new Error('a room outside the shell');
  return me;
}

const byGroup = (of: readonly Room[]): [Room['group'], Room[]][] => [...Map.groupBy(of, (r) => r.group)];

/** How many alerts are open, in every room; nothing while there is none. */
function OpenAlerts(): ReactNode {
  const found = useQuery({ queryKey: ['alerts', 'count'], queryFn: ({ signal }) => client.getAlerts({ query: { state: 'open' } }, { signal }), refetchInterval: ALERTS_MS });
  return found.data?.open ? <span className="count" role="status">{fill(words.openCount, { n: found.data.open })}</span> : null;
}

const To = ({ room }: { room: Room }): ReactNode =>
  (isOurs(room.path) ? <Link to={room.path}>{words.rooms[room.id].name}</Link> : <a href={drawnAt(room)}>{words.rooms[room.id].name}</a>);

function Rail({ me }: { me: Me }): ReactNode {
  return (
    <nav className="rail" aria-label={words.rail}>
      {byGroup(roomsOf(me)).map(([group, list]) => (
        <section key={group}>
          <h2>{words.groups[group]}</h2>
          <ul>{list.map((r) => <li key={r.id}><To room={r} />{r.id === 'alerts' && <OpenAlerts />}</li>)}</ul>
        </section>
      ))}
    </nav>
  );
}

/** This address once more in another language or appearance: the server keeps the choice. */
function Switches({ me }: { me: Me }): ReactNode {
  const href = useRouterState({ select: (s) => s.location.href });
  const link = (name: string, value: string): string => `${location.pathname}?${new URLSearchParams({ ...Object.fromEntries(new URLSearchParams(href.split('?')[1])), [name]: value })}`;
  const theme = document.documentElement.dataset.theme;
  const names = { en: 'English', hi: 'हिन्दी' };
  return (
    <div className="switches">
      <nav aria-label={words.language}>
        {me.tenant.languages.map((l) => (
          <a key={l} href={link('lang', l)} lang={l} aria-current={document.documentElement.lang === l ? 'true' : undefined}>{names[l as keyof typeof names] ?? l}</a>
        ))}
      </nav>
      <nav aria-label={words.appearance}>
        {([['light', words.light], ['dark', words.dark], ['auto', words.asDevice]] as const).map(([value, text]) => (
          <a key={value} href={link('theme', value)} aria-current={theme === value ? 'true' : undefined}>{text}</a>
        ))}
      </nav>
    </div>
  );
}

function Frame({ me }: { me: Me }): ReactNode {
  const [searching, setSearching] = useState(false);
  useEffect(() => {
    const open = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== 'k' || !(event.metaKey || event.ctrlKey)) return;
      event.preventDefault();
      setSearching(true);
    };
    addEventListener('keydown', open);
    return () => removeEventListener('keydown', open);
  }, []);
  const leave = (): void => void client.postOperatorsSignOut().finally(signIn);
  return (
    <MeContext.Provider value={me}>
      <a className="skip" href="#room">{words.skip}</a>
      <header className="bar">
        <Link to="/" className="brand"><span className="mark" aria-hidden="true" />{me.tenant.name}</Link>
        <button type="button" className="second find" onClick={() => setSearching(true)} aria-keyshortcuts="Control+K Meta+K">{words.search} <kbd>Ctrl K</kbd></button>
        <Switches me={me} />
        <p className="me">{me.name} <button type="button" className="link" onClick={leave}>{words.signOut}</button></p>
      </header>
      <div className="frame">
        <Rail me={me} />
        <main id="room" tabIndex={-1}><Guarded me={me} /></main>
      </div>
      {searching && <Palette rooms={roomsOf(me)} close={() => setSearching(false)} />}
    </MeContext.Provider>
  );
}

/** A room that the operator's role does not include says so, and which permission it needs. */
function Guarded({ me }: { me: Me }): ReactNode {
  const path = useRouterState({ select: (s) => s.location.pathname }).replace(`${base}/console`, '');
  const room = rooms.find((r) => path === r.path || path.startsWith(`${r.path}/`));
  if (!room || roomsOf(me).includes(room)) return <Outlet />;
  return <Page title={words.rooms[room.id].name}><p className="lead">{fill(words.states.forbidden, { permission: room.permission })}</p></Page>;
}

export function Shell(): ReactNode {
  const me = useQuery({ queryKey: ['me'], queryFn: () => client.getOperatorsMe(), staleTime: 60_000 });
  return <Answer query={me}>{(value) => <Frame me={value} />}</Answer>;
}

export function Home(): ReactNode {
  const me = useMe();
  // Whose work is in one room begins there.
  if (me.role === 'developer') return <Navigate to="/developers" replace />;
  return (
    <Page title={words.title}>
      <p>{words.homeText}</p>
      <ul className="room-list">
        {roomsOf(me).map((r) => <li key={r.id}><To room={r} /><p className="quiet">{words.rooms[r.id].text}</p></li>)}
      </ul>
    </Page>
  );
}

export const NoRoom = (): ReactNode => <Page title={words.states.notFound}><p>{words.states.notFoundText}</p></Page>;
