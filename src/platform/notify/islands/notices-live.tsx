// Keeps the list of notices and the badge true: on a hint the page is asked for again.
const live = document.querySelector<HTMLElement>('.live[data-changes$="/notifications/changes"]');

async function look(): Promise<void> {
  const answer = await fetch(location.href, { headers: { accept: 'text/html' } }).catch(() => undefined);
  if (!answer) return;
  if (answer.redirected) return location.reload();
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector<HTMLElement>('.live');
  if (fresh && live) live.replaceChildren(...fresh.childNodes);
}

if (live?.dataset.changes) {
  const source = new EventSource(live.dataset.changes);
  let broken = false;
  source.addEventListener('hint', () => {
    document.dispatchEvent(new Event('notice'));
    void look();
  });
  source.addEventListener('error', () => { broken = true; });
  source.addEventListener('open', () => {
    if (broken) void look();
    broken = false;
  });
  document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') void look(); });
  addEventListener('pagehide', () => source.close());
}

export {};
