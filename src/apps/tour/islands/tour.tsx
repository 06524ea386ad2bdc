// Makes the tour live: what the server draws is fetched again each second and put in place, and the first step types into the phone before one's eyes.
const PACE_MS = 90;
const READ_MS = 1400;
const WAIT_MS_MAX = 9000;
const LOOK_MS = 1000;

const phone = document.querySelector<HTMLIFrameElement>('#phone');
const sleep = (ms: number): Promise<void> => new Promise((done) => { setTimeout(done, ms); });
/** What was pressed runs one after the other: a press during another step's work waits its turn and is not lost. */
let turn: Promise<void> = Promise.resolve();
/** Drawings of the page by when they were asked for: one that comes late must not go over a newer one. */
let asked = 0;
let placed = 0;

/** Puts the live parts of a freshly drawn page in place; everything else, and the focus, stays. */
function place(html: string): void {
  const next = new DOMParser().parseFromString(html, 'text/html');
  for (const old of document.querySelectorAll<HTMLElement>('[data-live]')) {
    const fresh = next.getElementById(old.id);
    if (fresh && fresh.innerHTML !== old.innerHTML) old.replaceChildren(...fresh.childNodes);
  }
  for (const old of document.querySelectorAll<HTMLElement>('[data-sync]')) {
    const fresh = next.getElementById(old.id);
    if (!fresh) continue;
    old.className = fresh.className;
    old.hidden = fresh.hidden;
    const [from, to] = [fresh, old].map((e) => e.querySelector(':scope > button'));
    if (from && to) to.className = from.className;
  }
}

async function look(): Promise<void> {
  const mine = asked += 1;
  const answer = await fetch('/', { headers: { accept: 'text/html' } });
  const html = await answer.text();
  if (!answer.ok || mine < placed) return;
  placed = mine;
  place(html);
}

const inside = (): Document | undefined => phone?.contentDocument ?? undefined;
const path = (): string => phone?.contentWindow?.location.pathname ?? '';

/** Waits until the phone shows another document. One that is still coming is let arrive first: its arrival would be taken for the other's. */
async function turned(go: () => void): Promise<void> {
  for (let waited = 0; waited < WAIT_MS_MAX && (inside()?.readyState !== 'complete' || inside()?.URL === 'about:blank'); waited += 50) await sleep(50);
  const loaded = new Promise<void>((done) => phone?.addEventListener('load', () => done(), { once: true }));
  go();
  await Promise.race([loaded, sleep(WAIT_MS_MAX)]);
}

const show = (address: string): Promise<void> => turned(() => phone?.contentWindow?.location.replace(address));

async function type(name: string, value: string): Promise<void> {
  const field = inside()?.querySelector<HTMLInputElement | HTMLSelectElement>(`[name="${name}"]`);
  if (!field) return;
  field.value = value;
  // Only the phone moves: scrollIntoView would move the page around it as well.
  phone?.contentWindow?.scrollBy(0, field.getBoundingClientRect().top - 160);
  await sleep(PACE_MS * 2);
}

const submit = (): Promise<void> => turned(() => inside()?.querySelector<HTMLButtonElement>('main form button.main')?.click());
const messageId = (): string | undefined => document.querySelector<HTMLElement>('#lock [data-message]')?.dataset.message;

async function signIn(form: HTMLFormElement): Promise<void> {
  const { identifier = '', day = '', month = '', birthYear = '', year = '', root = '' } = form.dataset;
  const refund = `${root}/tax-refunds/${year}`;
  await show(refund);
  if (path() === refund) return;
  const before = messageId();
  for (const [name, value] of Object.entries({ identifier, day, month, birthYear, year })) await type(name, value);
  await submit();
  if (!path().endsWith('/sign-in/code')) return;
  for (let waited = 0; waited < WAIT_MS_MAX && (messageId() === undefined || messageId() === before); waited += 250) {
    await look();
    await sleep(250);
  }
  await sleep(READ_MS);
  await type('code', document.querySelector<HTMLElement>('#lock [data-code]')?.dataset.code ?? '');
  await submit();
}

async function post(form: HTMLFormElement): Promise<void> {
  const answer = await fetch(form.action, { method: 'POST', body: new URLSearchParams() });
  const html = await answer.text();
  // Whatever was asked for before this answer was drawn without it.
  placed = asked += 1;
  if (answer.ok) place(html);
}

/** Looks at the phone's page while the database is away, so that the kept copy and its banner are seen. */
async function followCut(): Promise<void> {
  if (!document.querySelector('#outcome-4 [data-state="gone"]')) return;
  await sleep(800);
  await turned(() => phone?.contentWindow?.location.reload());
}

async function act(form: HTMLFormElement): Promise<void> {
  const narrow = matchMedia('(max-width: 47.9em)').matches;
  if (narrow && ['sign-in', 'reject', 'cut'].includes(form.dataset.act ?? '')) phone?.closest('.device')?.scrollIntoView({ block: 'start' });
  if (form.dataset.act === 'sign-in') {
    await signIn(form);
    await look();
  } else {
    await post(form);
    if (form.dataset.act === 'cut') await followCut();
  }
}

function queue(form: HTMLFormElement): void {
  if (form.getAttribute('aria-busy') === 'true') return;
  form.setAttribute('aria-busy', 'true');
  const run = (): Promise<void> => act(form).finally(() => form.removeAttribute('aria-busy'));
  turn = turn.then(run, run);
}

document.addEventListener('submit', (event) => {
  const form = event.target as HTMLFormElement;
  if (!phone || !form.dataset.act) return;
  event.preventDefault();
  queue(form);
});

document.querySelector<HTMLAnchorElement>('a.phone-language')?.addEventListener('click', (event) => {
  event.preventDefault();
  const link = event.currentTarget as HTMLAnchorElement;
  const language = link.dataset.phone ?? 'hi';
  const here = new URL(phone?.contentWindow?.location.href ?? location.href);
  here.searchParams.set('lang', language);
  void show(here.href);
  const said = link.textContent ?? '';
  link.textContent = link.dataset.other ?? said;
  link.dataset.other = said;
  link.dataset.phone = language === 'hi' ? 'en' : 'hi';
});

setInterval(() => { if (document.visibilityState === 'visible') void look().catch(() => undefined); }, LOOK_MS);

export {};
