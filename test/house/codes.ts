import jsQR from 'jsqr';

/** What a reader finds in pixels, four bytes each. */
export const readCode = (pixels: Uint8ClampedArray, width: number, height: number): string | undefined => jsQR.default(pixels, width, height)?.data;

const MODULE_PX = 4;
/** What a reader finds in a code as a page draws it: light everywhere, dark where the path says so. */
export function readDrawn(svg: string): string | undefined {
  const modules = Number.parseInt(/viewBox="0 0 (\d+) /.exec(svg)?.[1] ?? '0', 10);
  const side = modules * MODULE_PX;
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255);
  for (const [, x = '0', y = '0', run = '0'] of svg.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    const [left, top, width] = [x, y, run].map((n) => Number.parseInt(n, 10) * MODULE_PX) as [number, number, number];
    for (let row = top; row < top + MODULE_PX; row++) {
      for (let column = left; column < left + width; column++) pixels.fill(0, (row * side + column) * 4, (row * side + column) * 4 + 3);
    }
  }
  return readCode(pixels, side, side);
}
