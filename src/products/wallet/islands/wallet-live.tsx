// Keeps an open wallet page true: on a hint it fetches the page again and shows what is new, unless somebody is typing.
const live = document.querySelector<HTMLElement>('.live');
const address = live?.dataset.changes;

/** What was typed must not be taken away: the page waits until the field is left. */
const typing = (): boolean => document.activeElement instanceof HTMLInputElement && document.activeElement.type === 'text';

async function look(): Promise<void> {
  if (typing()) {
    document.activeElement?.addEventListener('blur', () => void look(), { once: true });
    return;
  }
  const answer = await fetch(location.href, { headers: { accept: 'text/html' } }).catch(() => undefined);
  if (!answer) return;
  if (answer.redirected) return location.reload();
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector<HTMLElement>('.live');
  if (!fresh || !live) return;
  const y = scrollY;
  // Only the inside changes: a replaced live region would not be read out.
  live.replaceChildren(...fresh.childNodes);
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
    // A bank may have answered between the page and this connection.
    if (broken || live?.dataset.pending === 'true') void look();
    broken = false;
  });
  document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') void look(); });
  addEventListener('pagehide', () => source.close());
}

export {};
