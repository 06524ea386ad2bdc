import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modules } from '../../src/apps/modules.ts';
import { demoTenants } from '../../src/apps/tenants.ts';
import { has } from '../parts.ts';
import { chromiumPath, CHROMIUM_ARGS } from './chromium.ts';
import { allPages, builtAssets, servePages, statesNeeded, statesOf, type Shown } from './pages.ts';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const PHONE = { width: 390, height: 844 };
const DESK = { width: 1280, height: 900 };
const NARROW = { width: 320, height: 640 };
/** 1280 pixels at 200 %. */
const ZOOMED = { width: 640, height: 450 };
const SIDE_BY_SIDE = 2;
/** Pages that one test looks at: a machine three times as slow still ends it in its time. */
const TOGETHER_MAX = 40;

const require = createRequire(import.meta.url);
const axeSource = readFileSync(createRequire(require.resolve('@axe-core/playwright')).resolve('axe-core/axe.min.js'), 'utf8');

interface Found { id: string; nodes: { target: string[]; html: string }[] }
declare const axe: { run(context: unknown, options: unknown): Promise<{ violations: Found[] }> };

/** Violations of all rules, or of those named; of all but colours where those were looked at before. */
const check = (page: Page, rules?: readonly string[], colours = true): Promise<string[]> => page.evaluate(async ([tags, only, contrast]) => {
  const runOnly = only ? { type: 'rule', values: only } : { type: 'tag', values: tags };
  const { violations } = await axe.run(document, { runOnly, rules: contrast ? {} : { 'color-contrast': { enabled: false } }, resultTypes: ['violations'], iframes: false });
  return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')} ${n.html.slice(0, 120)}`));
}, [TAGS, rules, colours] as const);

/** What axe does not look for. */
const ownFaults = (page: Page, language: string): Promise<string[]> => page.evaluate((lang) => {
  const faults: string[] = [];
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`id ${id} stands twice`);
  if (document.documentElement.lang !== lang) faults.push(`lang is ${document.documentElement.lang}`);
  if (!document.title.trim()) faults.push('no title');
  if (document.querySelectorAll('h1').length !== 1) faults.push('not one h1');
  for (const e of document.querySelectorAll<HTMLElement>('body *')) {
    const style = getComputedStyle(e);
    const clips = style.overflowX !== 'visible' && style.clipPath === 'none' && e.tagName !== 'IFRAME' && e.tagName !== 'SELECT' && e.tagName !== 'INPUT';
    if (clips && e.scrollWidth > e.clientWidth + 1) faults.push(`cut: ${e.tagName} ${e.className}`);
  }
  return faults;
}, language);

const tooWide = (page: Page): Promise<string[]> => page.evaluate(() => {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return [];
  const out = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > root.clientWidth + 1);
  return [`${root.scrollWidth} px wide at ${root.clientWidth}: ${out.map((e) => `${e.tagName}.${e.className}`).slice(-3).join(', ')}`];
});

/** Each thing that takes the focus is seen when it has it: nothing lies over it, and it is in view. */
const hiddenFocus = (page: Page): Promise<string[]> => page.evaluate(() => [...document.querySelectorAll<HTMLElement>('a[href], button, input:not([type=hidden]), select, summary')].flatMap((e) => {
  e.focus();
  if (document.activeElement !== e) return e.closest('[hidden], noscript') || e.closest('details:not([open])') ? [] : [`cannot be focused: ${e.outerHTML.slice(0, 80)}`];
  const r = e.getClientRects()[0];
  if (!r) return [`no box: ${e.outerHTML.slice(0, 80)}`];
  const top = document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2);
  return top && (e.contains(top) || top.contains(e)) ? [] : [`covered by ${top?.tagName ?? 'the edge'}: ${e.outerHTML.slice(0, 80)}`];
}));

/** Puts another document into the open page: a new one each time would spend most of the test on loading axe and the same styles. */
const show = (page: Page, at: number): Promise<void> => page.evaluate(async (n) => {
  const next = new DOMParser().parseFromString(await (await fetch(`/${n}`)).text(), 'text/html');
  document.documentElement.lang = next.documentElement.lang;
  document.title = next.title;
  document.body.replaceWith(next.body);
  scrollTo(0, 0);
}, at);

const scheme = (page: Page, theme: 'light' | 'dark'): Promise<void> => page.evaluate((t) => { document.documentElement.dataset.theme = t; }, theme);

/** Looks at pages with the same stylesheets, one size and scheme after the other. */
async function faultsOf(browser: Browser, base: string, pages: readonly Shown[], group: readonly number[]): Promise<string[]> {
  const context = await browser.newContext({ reducedMotion: 'reduce', viewport: PHONE });
  // The pages as they arrive: their islands would fetch what this server does not have.
  await context.route(/\/assets\/.*\.js$/, (route) => route.abort());
  const page = await context.newPage();
  await page.goto(`${base}/${group[0]}`);
  await page.evaluate(axeSource);
  const faults: string[] = [];
  const pass = async (where: string, looks: readonly ((shown: Shown) => Promise<string[]>)[]): Promise<void> => {
    for (const at of group) {
      const shown = pages[at] as Shown;
      await show(page, at);
      for (const look of looks) faults.push(...(await look(shown)).map((f) => `${shown.name}, ${where}: ${f}`));
    }
  };
  await scheme(page, 'light');
  // Colours do not depend on the language, so one language stands for both.
  await pass('phone, light', [(shown) => check(page, undefined, shown.language === 'en'), () => tooWide(page)]);
  await scheme(page, 'dark');
  await page.setViewportSize(DESK);
  // What the other scheme and the other width can change; structure and names are the same document.
  await pass('desk, dark', [(shown) => check(page, [...(shown.language === 'en' ? ['color-contrast', 'link-in-text-block'] : []), 'target-size'])]);
  await page.setViewportSize(ZOOMED);
  await pass('200 %', [() => tooWide(page), () => hiddenFocus(page)]);
  await page.setViewportSize(NARROW);
  await pass('320 px', [() => tooWide(page), (shown) => ownFaults(page, shown.language)]);
  await context.close();
  return faults;
}

describe('pages and their states', () => {
  const pages = modules.flatMap((m) => m.pages ?? []);
  it.each(pages.map((p) => [p.path, p] as const))('%s has an example of each state that it can be in', (_, page) => {
    for (const tenant of demoTenants) expect(Object.keys(statesOf(page, tenant))).toEqual(expect.arrayContaining(statesNeeded(page)));
  });
  it('the refund page has an example of every phase of each country', () => {
    const refund = pages.find((p) => p.path === '/tax-refunds/:year');
    const phases = demoTenants.filter((t) => t.products.includes('taxrefund')).map((tenant) => Object.keys(refund ? statesOf(refund, tenant) : {}).filter((s) => s.startsWith('phase ')).length);
    expect(phases).toEqual([20, 9]);
  });
});

describe.runIf(has('chromium'))('in a browser', async () => {
  let browser: Browser;
  let served: Awaited<ReturnType<typeof servePages>>;
  const assets = await builtAssets();
  const pages = allPages(assets);
  beforeAll(async () => {
    served = await servePages(assets, pages);
    browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGS });
  });
  afterAll(async () => {
    await browser?.close();
    await served?.close();
  });

  const parts = [...Map.groupBy(pages.map((_, i) => i), (i) => (pages[i] as Shown).styles).values()].flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / TOGETHER_MAX) }, (_, n) => group.slice(n * TOGETHER_MAX, (n + 1) * TOGETHER_MAX)));
  for (const part of parts) {
    const what = `${(pages[part[0] as number] as Shown).name} and ${part.length - 1} more`;
    it(`${what} are accessible, light and dark, on a phone and a desk, at 320 px and 200 %`, { timeout: 120_000 }, async () => {
      const lanes = Array.from({ length: SIDE_BY_SIDE }, (_, lane) => part.filter((__, i) => i % SIDE_BY_SIDE === lane)).filter((lane) => lane.length);
      expect((await Promise.all(lanes.map((lane) => faultsOf(browser, served.base, pages, lane)))).flat()).toEqual([]);
    });
  }
  it('looks at every page in every state and language', () => {
    expect(pages.length).toBeGreaterThan(100);
    expect(parts.flat().toSorted((x, y) => x - y)).toEqual(pages.map((_, i) => i));
  });

  it('finds planted faults', async () => {
    const context = await browser.newContext({ viewport: NARROW });
    const page = await context.newPage();
    await page.setContent(`<html lang="en"><title>x</title><style>p{color:#bbb;background:#fff}nav{position:fixed;inset:0;background:red}</style>
      <h1 id="a">x</h1><h1 id="a">y</h1><p>Grey on white is hard to read</p><a href="#a">under</a><nav>over</nav><pre style="width:900px">wide</pre><img src="data:,">`);
    await page.evaluate(axeSource);
    expect((await check(page)).map((f) => f.split(':')[0])).toEqual(expect.arrayContaining(['color-contrast', 'image-alt']));
    expect(await ownFaults(page, 'hi')).toEqual(expect.arrayContaining(['id a stands twice', 'lang is en', 'not one h1']));
    expect(await tooWide(page)).toHaveLength(1);
    expect(await hiddenFocus(page)).toHaveLength(1);
    await context.close();
  });

  it('the code field takes a pasted code and is offered the one from the message', async () => {
    const page = await browser.newPage();
    const at = pages.findIndex((p) => p.page === '/sign-in/code' && p.state === 'ready');
    await page.goto(`${served.base}/${at}`);
    const field = page.locator('#code');
    expect(await field.getAttribute('autocomplete')).toBe('one-time-code');
    expect(await field.getAttribute('inputmode')).toBe('numeric');
    const kept = await field.evaluate((e) => e.dispatchEvent(new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData: new DataTransfer() })));
    expect(kept).toBe(true);
    await page.close();
  });
});
