// Keeps an open refund page true: on a hint it fetches the page again (an audited view) and shows what is new.
const STALE_LOOK_MS = 4000;
const UNAVAILABLE = 503;

const live = document.querySelector<HTMLElement>('.live');
const address = live?.dataset.changes;
let later: ReturnType<typeof setTimeout> | undefined;

/** What a page says: which return in which version, and whether it is a kept copy. */
const stand = (page: ParentNode): string => {
  const { refund = '', version = '' } = page.querySelector<HTMLElement>('[data-version]')?.dataset ?? {};
  return `${refund} ${version} ${page.querySelector<HTMLElement>('.live')?.dataset.stale ?? ''}`;
};

/** While a kept copy is shown, or nothing answers, no hint can come: the page asks by itself until it is fresh again. */
function again(): void {
  clearTimeout(later);
  later = setTimeout(() => void look(), STALE_LOOK_MS);
}

async function look(): Promise<void> {
  const answer = await fetch(location.href, { headers: { accept: 'text/html' } }).catch(() => undefined);
  if (!answer || answer.status === UNAVAILABLE) return again();
  if (!answer.ok || answer.redirected) return location.reload();
  const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const fresh = next.querySelector<HTMLElement>('#answer');
  const old = document.querySelector<HTMLElement>('#answer');
  if (!fresh || !old) return;
  const from = fresh.querySelector<HTMLElement>('.live');
  const to = old.querySelector<HTMLElement>('.live');
  if (from?.dataset.stale === 'true') again();
  if (stand(fresh) === stand(old)) return;
  const y = scrollY;
  // Only the inside changes: a replaced live region would not be read out.
  if (from && to) {
    to.replaceChildren(...from.childNodes);
    to.dataset.stale = from.dataset.stale ?? '';
    to.classList.remove('changed');
    requestAnimationFrame(() => to.classList.add('changed'));
  } else old.replaceChildren(...fresh.childNodes);
  scrollTo(0, y);
}

if (address) {
  const source = new EventSource(address);
  let broken = false;
  source.addEventListener('hint', (event: MessageEvent<string>) => {
    // A new notice changes the number in the head, not this page.
    if ((JSON.parse(event.data) as { id: string }).id.startsWith('ntc_')) document.dispatchEvent(new Event('notice'));
    else void look();
  });
  // After a break there may have been hints that nobody kept.
  source.addEventListener('error', () => { broken = true; });
  source.addEventListener('open', () => {
    if (broken) void look();
    broken = false;
  });
  document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') void look(); });
  addEventListener('pagehide', () => source.close());
  if (live?.dataset.stale === 'true') again();
}

export {};
