import qrcode from 'qrcode-generator';
import type { VNode } from 'preact';

/** The quiet zone that a reader needs, in modules (ISO/IEC 18004: four on each side). */
const QUIET = 4;
const SIZE_PX = 256;

/** The dark modules of a text's code, one run of a row each. Level M bears 15 % of damage. */
function runsOf(text: string): { size: number; path: string } {
  const code = qrcode(0, 'M');
  code.addData(text, 'Byte');
  code.make();
  const count = code.getModuleCount();
  let path = '';
  for (let y = 0; y < count; y++) {
    for (let x = 0; x < count; x++) {
      const from = x;
      while (x < count && code.isDark(y, x)) x += 1;
      if (x > from) path += `M${from + QUIET} ${y + QUIET}h${x - from}v1h-${x - from}z`;
    }
  }
  return { size: count + 2 * QUIET, path };
}

/** A QR code of a link as a drawing in the page: black on white in any theme, since readers look for dark on light. The link stands beside it as text. */
export function Code({ link, label }: { link: string; label: string }): VNode {
  const { size, path } = runsOf(link);
  return (
    <svg role="img" aria-label={label} width={SIZE_PX} height={SIZE_PX} viewBox={`0 0 ${size} ${size}`} shape-rendering="crispEdges">
      <rect width={size} height={size} fill="#fff" /><path d={path} fill="#000" />
    </svg>
  );
}
