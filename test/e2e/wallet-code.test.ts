import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { house, readCode, testTenants, wallets, type House, type Wallet, type Wallets } from '#test';
import { has } from '../parts.ts';
import { chromiumPath, CHROMIUM_ARGS } from './chromium.ts';
import { builtAssets } from './pages.ts';
import { shot } from './rooms.ts';

/** Less than the margin of the page at its narrowest. */
const AROUND_PX = 12;
const NARROW = { width: 320, height: 900 };

describe.runIf(has('chromium'))('a holder is paid by a code', () => {
  let h: House, w: Wallets, browser: Browser, base: string, asha: Wallet, ravi: Wallet, reader: Page;
  beforeAll(async () => {
    const tenants = testTenants.map((t) => (t.slug === 'india' ? { ...t, products: ['taxrefund', 'wallet'] } : t));
    h = await house({ serve: ['IN'], transport: 'http', assets: await builtAssets(), limits: false, tenants });
    w = wallets(h);
    base = `http://india.localhost:${h.program.port}`;
    browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGS });
    [asha, ravi] = [await w.wallet(), await w.wallet(100_000)];
    reader = await (await browser.newContext()).newPage();
  });
  afterAll(async () => {
    await browser?.close();
    await h.stop();
  });

  /** The portal on a narrow screen without scripts, as somebody or as nobody. */
  async function portal(x: Wallet | undefined, colorScheme: 'light' | 'dark'): Promise<Page> {
    const context = await browser.newContext({ viewport: NARROW, reducedMotion: 'reduce', javaScriptEnabled: false, colorScheme });
    if (x) await context.addCookies(Object.entries(x.who.cookies).map(([name, value]) => ({ name, value, url: base })));
    return context.newPage();
  }
  /** What a camera held to the code would see, with some of the page around it, read as a code. */
  async function seen(page: Page): Promise<string | undefined> {
    const box = await page.locator('main svg[role=img]').boundingBox();
    if (!box) return undefined;
    const clip = { x: box.x - AROUND_PX, y: box.y - AROUND_PX, width: box.width + 2 * AROUND_PX, height: box.height + 2 * AROUND_PX };
    const png = (await page.screenshot({ clip, fullPage: true })).toString('base64');
    const { pixels, width, height } = await reader.evaluate(async (data) => {
      const image = new Image();
      image.src = `data:image/png;base64,${data}`;
      await image.decode();
      const canvas = new OffscreenCanvas(image.width, image.height);
      const drawn = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
      drawn.drawImage(image, 0, 0);
      const { data: bytes, width: across, height: down } = drawn.getImageData(0, 0, image.width, image.height);
      return { pixels: bytes.reduce((text, byte) => text + String.fromCharCode(byte), ''), width: across, height: down };
    }, png);
    return readCode(new Uint8ClampedArray(Buffer.from(pixels, 'latin1')), width, height);
  }
  const tooWide = (page: Page): Promise<number> => page.locator('html').evaluate((root) => root.scrollWidth - root.clientWidth);

  it.each(['light', 'dark'] as const)('read off a narrow screen, %s, and paid from it', { timeout: 60_000 }, async (scheme) => {
    const page = await portal(asha, scheme);
    await page.goto(`${base}/wallet/accounts/${asha.account}`);
    await page.getByRole('link', { name: 'Be paid' }).click();
    await page.getByLabel('Amount (if you like)').fill('12.50');
    await page.getByRole('button', { name: 'Show the code' }).click();
    await page.getByRole('heading', { level: 1, name: `Be paid ₹12.50 at ${asha.handle}` }).waitFor();
    await shot(page, `wallet-code-${scheme}`);
    expect(await tooWide(page)).toBe(0);
    const link = await seen(page) ?? 'nothing was read';
    expect(await page.locator('main').getByRole('link', { name: link, exact: true }).count()).toBe(1);
    const payer = await portal(ravi, scheme);
    await payer.goto(link);
    expect([await payer.getByLabel('To', { exact: true }).inputValue(), await payer.getByLabel('Amount').inputValue()]).toEqual([asha.handle, '12.50']);
    expect(await tooWide(payer)).toBe(0);
    await payer.getByRole('button', { name: 'Send now' }).click();
    await payer.getByText('Your payment was sent.').waitFor();
    await payer.getByText(`To ${asha.handle}`).first().waitFor();
    const nobody = await portal(undefined, scheme);
    await nobody.goto(link);
    expect(new URL(nobody.url()).searchParams.get('then')).toBe(link.slice(base.length));
    await Promise.all([page, payer, nobody].map((p) => p.context().close()));
  });
});
