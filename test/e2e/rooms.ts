import { createRequire } from 'node:module';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { house, operatorOf, type House, type MadeOperator } from '#test';
import { chromiumPath, CHROMIUM_ARGS } from './chromium.ts';
import { builtAssets } from './pages.ts';

const require = createRequire(import.meta.url);
const axeSource = readFileSync(createRequire(require.resolve('@axe-core/playwright')).resolve('axe-core/axe.min.js'), 'utf8');
declare const axe: { run(context: unknown, options: unknown): Promise<{ violations: { id: string; nodes: { target: string[]; html: string }[] }[] }> };
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const DESK = { width: 1280, height: 900 };
const NARROW = { width: 320, height: 640 };
/** A folder to leave pictures in, for a person to look through. */
const pictures = process.env.EXCHEQUER_SHOTS;

/** A page of the console with this operator signed in; what the browser complains of is added to `faults`. */
export async function consolePage(browser: Browser, operator: MadeOperator, base: string, faults: string[]): Promise<Page> {
  const context: BrowserContext = await browser.newContext({ viewport: DESK, reducedMotion: 'reduce' });
  await context.addCookies([{ name: 'xq_operator', value: operator.cookies.xq_operator ?? '', url: base }]);
  const made = await context.newPage();
  made.on('console', (message) => { if (message.type() === 'error') faults.push(message.text()); });
  made.on('pageerror', (error) => faults.push(String(error)));
  return made;
}

/** A program over HTTP, and a page of its console on which an administrator is signed in. */
export interface Room { readonly h: House; readonly browser: Browser; readonly page: Page; readonly base: string; readonly boss: MadeOperator;
  /** What the browser complained of. */
  readonly faults: string[];
  heading(name: string | RegExp): Promise<void>;
  /** Nothing is wrong with the page by axe; a picture of it is left where somebody asked for them. */
  sound(name: string): Promise<void>;
  stop(): Promise<void> }
export async function openRoom(): Promise<Room> {
  const h = await house({ serve: ['IN'], transport: 'http', assets: await builtAssets() });
  const base = `http://india.localhost:${h.program.port}`;
  const [boss, browser] = [await operatorOf(h), await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGS })];
  const faults: string[] = [];
  const page = await consolePage(browser, boss, base, faults);
  return {
    h, browser, page, base, boss, faults,
    heading: (name) => page.getByRole('heading', { level: 1, name }).waitFor(),
    async sound(name) {
      await shot(page, name);
      expect(await violationsOn(page), name).toEqual([]);
    },
    async stop() {
      await browser.close();
      await h.stop();
    },
  };
}

/** What axe finds wrong with the page as it stands. */
export async function violationsOn(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  return page.evaluate(async (tags) => (await axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] }))
    .violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')} ${n.html.slice(0, 120)}`)), TAGS);
}

/** Leaves a picture where somebody asked for them. */
export async function shot(page: Page, name: string): Promise<void> {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}

/** Each room in English by day and Hindi by night: what axe finds, and what is too wide at 320 px. */
export async function walkRooms(page: Page, base: string, addresses: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const address of addresses) for (const [lang, theme] of [['en', 'light'], ['hi', 'dark']] as const) {
    const name = `${address.replaceAll(/\W+/g, '-').slice(1, 60)}-${lang}`;
    await page.setViewportSize(DESK);
    await page.goto(`${base}/console${address}${address.includes('?') ? '&' : '?'}lang=${lang}&theme=${theme}`);
    await page.locator('h1').waitFor();
    await page.waitForLoadState('networkidle');
    found.push(...(await violationsOn(page)).map((f) => `${address} ${lang}: ${f}`));
    await shot(page, `${name}-desk`);
    await page.setViewportSize(NARROW);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 0) found.push(`${address} ${lang}: ${wide} px too wide at 320`);
    await shot(page, `${name}-narrow`);
  }
  await page.setViewportSize(DESK);
  // The language is remembered: what follows is read in English again.
  await page.goto(`${base}/console?lang=en&theme=light`);
  await page.locator('h1').waitFor();
  return found;
}
