// Shows push messages. It keeps nothing and answers no requests of pages.
interface Shown { title: string; body: string; link: string; tag: string; opened?: string }
interface Pushed extends Event { data: { json(): Shown } | null; waitUntil(work: Promise<unknown>): void }
interface Clicked extends Event { notification: { close(): void; data: { link: string; opened?: string } }; waitUntil(work: Promise<unknown>): void }
const worker = self as unknown as {
  registration: { showNotification(title: string, options: object): Promise<void> }; clients: { openWindow(url: string): Promise<unknown> };
  addEventListener(type: string, take: (event: never) => void): void;
};

worker.addEventListener('push', (event: Pushed) => {
  const shown = event.data?.json();
  if (shown) event.waitUntil(worker.registration.showNotification(shown.title, { body: shown.body, tag: shown.tag, data: { link: shown.link,
    opened: shown.opened } }));
});
worker.addEventListener('notificationclick', (event: Clicked) => {
  event.notification.close();
  const { link, opened } = event.notification.data;
  // That it was opened is told where it can be; the page opens either way.
  event.waitUntil(Promise.all([worker.clients.openWindow(link), opened && fetch(opened, { method: 'POST' }).catch(() => undefined)]));
});

export {};
