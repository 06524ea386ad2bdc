// The number of unseen notices beside their link, in the head of every page of somebody signed in.
const link = document.querySelector<HTMLAnchorElement>('a.notices');
const base = document.body.dataset.base ?? '';

async function count(): Promise<void> {
  const answer = await fetch(`${base}/api/notifications/unseen`).catch(() => undefined);
  if (!answer?.ok || !link) return;
  const { unseen } = await answer.json() as { unseen: number };
  link.dataset.unseen = unseen > 99 ? '99+' : unseen > 0 ? String(unseen) : '';
}

if (link) {
  void count();
  document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') void count(); });
  document.addEventListener('notice', () => void count());
  // A page that is live already hears of notices on its own connection: a browser has few.
  if (!document.querySelector('[data-changes]')) {
    const source = new EventSource(`${base}/notifications/changes`);
    source.addEventListener('hint', () => void count());
    addEventListener('pagehide', () => source.close());
  }
}

export {};
