import { FLAME_SCRIPT } from './script.ts';
import type { Box, BoxKind, FlameTree } from './tree.ts';

export interface FlameText {
  readonly title: string;
  /** Below it: from where, when, how long. */
  readonly subtitle: string;
  /** What is counted: `samples`, `bytes`. */
  readonly unit: string;
}

const WIDTH = 1200;
const MARGIN = 16;
const INNER = WIDTH - 2 * MARGIN;
const ROW = 19;
const TOP = 86;
const BOTTOM = 46;
/** Narrower boxes are not drawn: a tenth of a pixel. */
const NARROWEST = 0.1;
/** Of the font in the boxes. */
const LETTER = 7.25;

/** Hue, saturation and lightness; names of a kind differ a little in all three. */
const COLOURS: Readonly<Record<BoxKind, readonly [h: number, s: number, l: number]>> = {
  process: [215, 20, 82],
  native: [42, 92, 68],
  go: [187, 55, 66],
  jit: [128, 45, 68],
  kernel: [14, 85, 70],
  unknown: [30, 6, 80],
};
const KINDS: readonly (readonly [BoxKind, string])[] = [
  ['kernel', 'kernel'],
  ['native', 'native code'],
  ['go', 'Go'],
  ['jit', 'compiled at run time'],
  ['unknown', 'unknown'],
];

/** A box where it is drawn: `x` and `width` in pixels, `depth` from the root. */
interface Placed {
  readonly box: Box;
  readonly x: number;
  readonly width: number;
  readonly depth: number;
}

/**
 * The tree as a picture that needs nothing but a browser: each box as wide as its share, what it was called by below it,
 * hover texts, a click to zoom in, a field to search.
 */
export function flameSvg(tree: FlameTree, text: FlameText): string {
  const placed = place(tree.root);
  const deepest = placed.reduce((most, { depth }) => Math.max(most, depth), 0);
  const height = TOP + (deepest + 1) * ROW + BOTTOM;
  const { total } = tree.root;
  const boxes = placed.map((p) => boxText(p, height, total, text.unit)).join('\n');
  const kinds = new Set(placed.map(({ box }) => box.kind));
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" data-total="${total}" data-unit="${escaped(text.unit)}">
<title>${escaped(text.title)}</title>
<style>${STYLE}</style>
<rect class="ground" width="100%" height="100%"/>
<text class="head" x="${MARGIN}" y="34">${escaped(text.title)}</text>
<text class="sub" x="${MARGIN}" y="56">${escaped(text.subtitle)}</text>
${legend(kinds)}
<g id="back" class="button" role="button"><rect x="${WIDTH - MARGIN - 372}" y="17" width="92" height="26" rx="13"/><text x="${WIDTH - MARGIN - 326}" y="34.5">zoom out</text></g>
<g id="field" class="button" role="searchbox"><title>a part of a name, or a regular expression; / begins, escape ends</title><rect x="${WIDTH - MARGIN - 272}" y="17" width="272" height="26" rx="13"/><text id="typed" x="${WIDTH - MARGIN - 258}" y="34.5">search: press /</text></g>
<text id="matched" class="sub" x="${WIDTH - MARGIN}" y="62" text-anchor="end"></text>
<g id="boxes">
${boxes}
</g>
<text id="detail" class="detail" x="${MARGIN}" y="${height - 18}">${escaped(share(total, total, text.unit))}</text>
<script><![CDATA[${FLAME_SCRIPT}]]></script>
</svg>
`;
}

/** Children lie side by side by name, so that two pictures of one program can be laid beside each other. */
function place(root: Box): Placed[] {
  const out: Placed[] = [];
  const perPixel = root.total / INNER || 1;
  const walk = (box: Box, start: number, depth: number): void => {
    const width = box.total / perPixel;
    if (!(width >= NARROWEST) && depth > 0) return;
    out.push({ box, x: MARGIN + start / perPixel, width: root.total > 0 ? width : INNER, depth });
    let at = start;
    for (const child of [...box.children.values()].sort((a, b) =>
      a.name < b.name ? -1 : a.name > b.name ? 1 : 0,
    )) {
      walk(child, at, depth + 1);
      at += child.total;
    }
  };
  walk(root, 0, 0);
  return out;
}

function boxText({ box, x, width, depth }: Placed, height: number, total: number, unit: string): string {
  const y = height - BOTTOM - (depth + 1) * ROW;
  const where = box.module ? ` (${box.module})` : '';
  const title = `${escaped(box.name + where)} – ${escaped(share(box.total, total, unit))}`;
  const label = fitted(box.name, width);
  return `<g data-n="${escaped(box.name)}" data-k="${box.kind}" data-v="${box.total}"><title>${title}</title><rect x="${fixed(x)}" y="${y}" width="${fixed(Math.max(width - 0.5, 0.1))}" height="${ROW - 1}" rx="2" fill="${colour(box)}"/><text x="${fixed(x + 4)}" y="${y + 13}">${escaped(label)}</text></g>`;
}

/** As much of a name as the box has room for; the script does the same when it zooms. */
function fitted(name: string, width: number): string {
  const letters = Math.floor((width - 8) / LETTER);
  if (letters >= name.length) return name;
  return letters < 3 ? '' : `${name.slice(0, letters - 1)}…`;
}

function share(value: number, total: number, unit: string): string {
  const percent = total > 0 ? (100 * value) / total : 0;
  return `${grouped(value)} ${unit}, ${percent >= 99.995 ? '100' : percent.toFixed(2)} %`;
}

function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ' ');
}

function colour({ name, kind }: Box): string {
  const [h, s, l] = COLOURS[kind];
  let hash = 2166136261;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 16777619) >>> 0;
  const [a, b] = [(hash & 0xff) / 255 - 0.5, ((hash >>> 8) & 0xff) / 255 - 0.5];
  return `hsl(${Math.round(h + a * 14)} ${s}% ${Math.round(l + b * 9)}%)`;
}

function legend(kinds: ReadonlySet<BoxKind>): string {
  let x = MARGIN;
  return KINDS.filter(([kind]) => kinds.has(kind))
    .map(([kind, name]) => {
      const [h, s, l] = COLOURS[kind];
      const at = x;
      x += 34 + name.length * 6.6;
      return `<rect x="${fixed(at)}" y="68" width="11" height="11" rx="3" fill="hsl(${h} ${s}% ${l}%)"/><text class="sub" x="${fixed(at + 17)}" y="78">${name}</text>`;
    })
    .join('');
}

function fixed(n: number): string {
  return String(Number(n.toFixed(3)));
}

/** For text and attributes; characters that XML has no way to write are left out. */
function escaped(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
    .replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);
}

const STYLE = `
.ground{fill:#fff}
text{font:12px ui-sans-serif,system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;fill:#334155}
.head{font-size:20px;font-weight:600;fill:#0f172a}
.sub{fill:#64748b}
.detail{font:12px ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;fill:#334155}
#boxes text{font:12px ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;fill:#1e1b16;pointer-events:none}
#boxes g{cursor:pointer}
#boxes g:hover rect{stroke:#0f172a;stroke-width:1.2}
#boxes g.below rect{opacity:.45}
#boxes g.gone{display:none}
#boxes g.hit rect{fill:#d946ef}
#boxes g.hit text{fill:#fff}
.button{cursor:pointer}
.button rect{fill:#f1f5f9;stroke:#cbd5e1}
.button:hover rect,.button.on rect{stroke:#64748b}
#back{visibility:hidden}
#back text{text-anchor:middle}
@media(prefers-color-scheme:dark){.ground{fill:#15181d}text,.detail{fill:#cbd5e1}.head{fill:#f8fafc}.sub{fill:#94a3b8}.button rect{fill:#22272e;stroke:#475569}#boxes g:hover rect{stroke:#f8fafc}}
`;
