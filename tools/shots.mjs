// npm run shots [-- --all]: starts the demo and takes the README's pictures into docs/pictures; with --all also a contact set of every
// page, state and language into tmp/shots, for a person to look through.
import '../bin/tsx-hook.mjs';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pictures = join(root, 'docs/pictures');
const review = join(root, 'tmp/shots');
const BYTES_MAX = 200_000;
const { startDemo } = await import('../test/e2e/demo.ts');
const { chromiumPath, CHROMIUM_ARGS } = await import('../test/e2e/chromium.ts');

const say = (text) => process.stdout.write(`${text}\n`);
const browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGS });
try {
  await readme();
  if (process.argv.includes('--all')) await contactSet();
} finally {
  await browser.close();
}

/** The tour after its second step, and the refund page alone, in both schemes, from the running program. */
async function readme() {
  mkdirSync(pictures, { recursive: true });
  const demo = await startDemo(['--filers', '200']);
  try {
    const context = await browser.newContext({ viewport: { width: 1240, height: 660 }, colorScheme: 'light', locale: 'en-IN', reducedMotion: 'reduce' });
    const page = await context.newPage();
    await page.goto(demo.base);
    await page.click('#act-sign-in button');
    const phone = page.frameLocator('#phone');
    await phone.locator('h1', { hasText: 'refund banker' }).waitFor();
    await page.waitForTimeout(1500);
    await both(page, 'tour', { x: 0, y: 0, width: 1240, height: 660 });
    const alone = await context.newPage();
    await alone.setViewportSize({ width: 860, height: 660 });
    await alone.goto(`${demo.base}/t/india/tax-refunds/2026`);
    await both(alone, 'refund', { x: 0, y: 0, width: 860, height: 660 });
    await context.close();
  } finally {
    await demo.stop();
  }
}

async function both(page, name, clip) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.waitForTimeout(200);
    const path = join(pictures, `${name}-${colorScheme}.png`);
    const png = await page.screenshot({ clip });
    writeFileSync(path, png);
    say(`${path.slice(root.length + 1)}  ${Math.round(png.length / 1000)} kB`);
    if (png.length > BYTES_MAX) throw new Error(`${path} is larger than ${BYTES_MAX} bytes`);
  }
}

/** Every page and state on a phone; those that are simply ready in every width and scheme too, and as print. */
async function contactSet() {
  const { allPages, builtAssets, servePages } = await import('../test/e2e/pages.ts');
  rmSync(review, { recursive: true, force: true });
  mkdirSync(review, { recursive: true });
  const assets = await builtAssets();
  const pages = allPages(assets);
  const served = await servePages(assets, pages);
  const page = await (await browser.newContext({ reducedMotion: 'reduce', javaScriptEnabled: false })).newPage();
  const files = [];
  const take = async (at, width, colorScheme, media = 'screen') => {
    const { name } = pages[at];
    const file = `${name.replaceAll(/[^a-z0-9]+/gi, '-').replaceAll(/^-|-$/g, '')}-${width}-${media === 'print' ? 'print' : colorScheme}.png`;
    await page.setViewportSize({ width, height: 700 });
    await page.emulateMedia({ colorScheme, media });
    await page.goto(`${served.base}/${at}`);
    await page.screenshot({ path: join(review, file), fullPage: true });
    files.push(file);
  };
  for (const [at, { state }] of pages.entries()) {
    await take(at, 390, 'light');
    if (!['ready', 'large', 'done'].includes(state)) continue;
    for (const width of [320, 768, 1280]) await take(at, width, 'light');
    for (const width of [390, 1280]) await take(at, width, 'dark');
    await take(at, 768, 'light', 'print');
  }
  await served.close();
  writeFileSync(join(review, 'index.html'), `<!doctype html><meta charset="utf-8"><title>Contact set</title>
${files.map((f) => `<figure style="display:inline-block;vertical-align:top;margin:8px"><img src="${f}" style="max-width:300px;border:1px solid #ccc"><figcaption>${f}</figcaption></figure>`).join('\n')}`);
  say(`${files.length} pictures in ${review.slice(root.length + 1)}/index.html`);
}
