// Shows push messages. It keeps nothing and answers no requests of pages.
interface Shown { title: string; body: string; link: string; tag: string }
interface Pushed extends Event { data: { json(): Shown } | null; waitUntil(work: Promise<unknown>): void }
interface Clicked extends Event { notification: { close(): void; data: { link: string } }; waitUntil(work: Promise<unknown>): void }
const worker = self as unknown as {
  registration: { showNotification(title: string, options: object): Promise<void> }; clients: { openWindow(url: string): Promise<unknown> };
  addEventListener(type: string, take: (event: never) => void): void;
};

worker.addEventListener('push', (event: Pushed) => {
  const shown = event.data?.json();
  if (shown) event.waitUntil(worker.registration.showNotification(shown.title, { body: shown.body, tag: shown.tag, data: { link: shown.link } }));
});
worker.addEventListener('notificationclick', (event: Clicked) => {
  event.notification.close();
  event.waitUntil(worker.clients.openWindow(event.notification.data.link));
});

export {};
