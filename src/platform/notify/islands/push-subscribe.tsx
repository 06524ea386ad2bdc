// Lets a person take push messages in this browser. Without script, or where the browser cannot, nothing is offered.
const place = document.querySelector<HTMLElement>('p.push');
const button = place?.querySelector('button');
const base = document.body.dataset.base ?? '';

/** Resolves when the worker runs. `navigator.serviceWorker.ready` would wait for ever: this page lies outside the worker's scope. */
const activeIn = (registration: ServiceWorkerRegistration): Promise<void> => new Promise((done) => {
  const coming = registration.installing ?? registration.waiting;
  if (registration.active || !coming) return done();
  coming.addEventListener('statechange', () => { if (coming.state === 'activated') done(); });
});

async function subscribe(key: string, worker: string): Promise<boolean> {
  if (await Notification.requestPermission() !== 'granted') return false;
  const registration = await navigator.serviceWorker.register(worker);
  await activeIn(registration);
  const made = (await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })).toJSON();
  const answer = await fetch(`${base}/api/notifications/push`, { method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ endpoint: made.endpoint, keys: made.keys }) });
  return answer.ok;
}

if (place && button && 'serviceWorker' in navigator && 'PushManager' in window) {
  place.hidden = false;
  button.addEventListener('click', () => {
    button.disabled = true;
    void subscribe(place.dataset.key ?? '', place.dataset.worker ?? '').catch(() => false)
      .then((on) => { place.textContent = (on ? place.dataset.on : place.dataset.off) ?? ''; });
  });
}

export {};
