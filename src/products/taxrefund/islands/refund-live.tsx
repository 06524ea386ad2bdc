// Keeps an open refund page true: on a hint it fetches the page again (an audited view) and shows what is new.
const live = document.querySelector<HTMLElement>('.live');
const address = live?.dataset.changes;

async function look(): Promise<void> {
  const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
  if (!answer.ok || answer.redirected) return location.reload();
  const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const fresh = next.querySelector<HTMLElement>('#answer');
  const old = document.querySelector<HTMLElement>('#answer');
  const before = old?.querySelector<HTMLElement>('[data-version]')?.dataset.version;
  if (!fresh || !old || fresh.querySelector<HTMLElement>('[data-version]')?.dataset.version === before) return;
  const y = scrollY;
  const from = fresh.querySelector('.live');
  const to = old.querySelector('.live');
  // Only the inside changes: a replaced live region would not be read out.
  if (from && to) {
    to.replaceChildren(...from.childNodes);
    to.classList.add('changed');
  } else old.replaceChildren(...fresh.childNodes);
  scrollTo(0, y);
}

if (address) {
  const source = new EventSource(address);
  source.addEventListener('hint', () => void look());
  document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') void look(); });
  addEventListener('pagehide', () => source.close());
}

export {};
