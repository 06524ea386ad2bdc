import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { words } from './parts/client.ts';
import { drawnAt, isOurs, type Room } from './rooms.ts';

interface Found { readonly id: string; readonly name: string; readonly go: () => void }

/** One search over everything that has a name or an id: what is typed decides where it leads. */
export function Palette({ rooms, close }: { rooms: readonly Room[]; close: () => void }): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const navigate = useNavigate();
  const [typed, setTyped] = useState('');
  const [at, setAt] = useState(0);
  useEffect(() => dialog.current?.showModal(), []);
  const text = typed.trim();
  const may = (id: Room['id']): boolean => rooms.some((r) => r.id === id);
  const found: readonly Found[] = [
    ...(/^acc_[0-9a-f]{32}$/.test(text) && may('accounts') ? [{ id: 'acc', name: `${words.ledger.account} ${text}`, go: () => void navigate({ to: '/accounts/$account', params: { account: text } }) }] : []),
    ...(/^trf_[0-9a-f]{32}$/.test(text) && may('transfers') ? [{ id: 'trf', name: `${words.ledger.transfer} ${text}`, go: () => void navigate({ to: '/transfers/$transfer', params: { transfer: text } }) }] : []),
    ...(/^qua_[0-9a-f]{32}$/.test(text) && may('quarantine') ? [{ id: 'qua', name: `${words.rooms.quarantine.name} ${text}`, go: () => void navigate({ to: '/quarantine/$line', params: { line: text } }) }] : []),
    ...(/^wkyc_[0-9a-f]{32}$/.test(text) && may('kyc') ? [{ id: 'wkyc', name: `${words.rooms.kyc.name} ${text}`, go: () => void navigate({ to: '/kyc/$case', params: { case: text } }) }] : []),
    ...(/^cmp_[0-9a-f]{32}$/.test(text) && may('announcements') ? [{ id: 'cmp', name: `${words.rooms.announcements.name} ${text}`, go: () => void navigate({ to: '/announcements/$campaign', params: { campaign: text } }) }] : []),
    ...(/^[0-9a-f]{32}$/.test(text) && may('audit') ? [{ id: 'trace', name: `${words.audit.trace} ${text}`, go: () => void navigate({ to: '/audit', search: { trace: text } as never }) }] : []),
    ...rooms.filter((r) => words.rooms[r.id].name.toLowerCase().includes(text.toLowerCase()) || r.id.startsWith(text.toLowerCase()))
      .map((r): Found => ({ id: r.id, name: words.rooms[r.id].name, go: () => void (isOurs(r.path) ? navigate({ to: r.path }) : location.assign(drawnAt(r))) })),
    ...(text && may('transfers') ? [{ id: 'ref', name: `${words.ledger.find}: ${text}`, go: () => void navigate({ to: '/transfers', search: { q: text } as never }) }] : []),
  ];
  const chosen = Math.min(at, found.length - 1);
  const choose = (one: Found | undefined): void => {
    if (!one) return;
    close();
    one.go();
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Enter') {
      event.preventDefault();
      choose(found[chosen]);
    }
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    event.preventDefault();
    setAt(Math.max(0, Math.min(found.length - 1, chosen + (event.key === 'ArrowDown' ? 1 : -1))));
  };
  return (
    <dialog ref={dialog} className="palette" aria-label={words.search} onClose={close} onKeyDown={onKey}>
      <label htmlFor="palette-text">{words.search}</label>
      <input id="palette-text" type="text" role="combobox" aria-expanded="true" aria-controls="palette-found" autoComplete="off" spellCheck={false}
        aria-activedescendant={found[chosen] ? `palette-${found[chosen].id}` : undefined} aria-describedby="palette-hint" value={typed} autoFocus
        onChange={(event) => {
          setTyped(event.target.value);
          setAt(0);
        }} />
      <p className="hint" id="palette-hint">{words.searchHint}</p>
      <ul id="palette-found" role="listbox" aria-label={words.search}>
        {found.map((one, i) => (
          // The arrow keys and Enter of the field above reach every option; a pointer may choose as well.
          <li key={one.id} id={`palette-${one.id}`} role="option" aria-selected={i === chosen} onClick={() => choose(one)}>{one.name}</li>
        ))}
      </ul>
      {!found.length && <p role="status">{words.nothingFound}</p>}
      <button type="button" className="link" onClick={close}>{words.close}</button>
    </dialog>
  );
}
