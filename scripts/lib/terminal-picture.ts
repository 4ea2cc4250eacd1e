/**
 * A terminal's screen as an SVG: text stays text, block characters become rectangles so that bars have no seams, and
 * each run of text is given its width, so that columns line up whatever font the reader has.
 */
import xterm, { type IBufferCell } from '@xterm/headless';

const CELL = { width: 8.4, height: 18, baseline: 13.2, size: 14 };
const FRAME = { padding: 14, title: 34, radius: 9 };
const FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace";
const THEME = { text: '#d5d9e0', screen: '#14171d', bar: '#21252e', caption: '#8d95a3' };
const SIXTEEN = [
  ...['#2b303b', '#e5636a', '#8fc17a', '#e3b65c', '#5fa5e8', '#c487dd', '#58b8c4', '#c8ced9'],
  ...['#636c7c', '#f0797f', '#a5d58f', '#f2cb7a', '#7dbbf5', '#d7a0ec', '#74cfda', '#f3f5f9'],
];

export interface PictureOptions {
  columns: number;
  rows: number;
  /** In the frame's upper bar. */
  caption: string;
}

/** @param screen lines with escape sequences, as `tmux capture-pane -e` prints them */
export async function terminalPicture(screen: string, options: PictureOptions): Promise<string> {
  const { columns, rows, caption } = options;
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  const text = screen.split('\n').slice(0, rows).join('\r\n');
  await new Promise<void>((resolve) => terminal.write(text, resolve));

  const width = columns * CELL.width + 2 * FRAME.padding;
  const height = rows * CELL.height + FRAME.title + FRAME.padding;
  const body: string[] = [];
  for (let y = 0; y < rows; y++) body.push(...line(terminal, y));
  terminal.dispose();
  const dots = ['#ec6a5e', '#f4bf4f', '#61c554'].map(
    (color, i) => `<circle cx="${20 + i * 18}" cy="${FRAME.title / 2}" r="5.5" fill="${color}"/>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${n(width)}" height="${n(height)}" viewBox="0 0 ${n(width)} ${n(height)}">`,
    `<title>${escaped(caption)}</title>`,
    `<rect width="100%" height="100%" rx="${FRAME.radius}" fill="${THEME.screen}"/>`,
    `<path d="M0 ${FRAME.title - 6}V${FRAME.radius}a9 9 0 0 1 9-9H${n(width - FRAME.radius)}a9 9 0 0 1 9 9V${FRAME.title - 6}z" fill="${THEME.bar}"/>`,
    ...dots,
    `<g font-family="${FONT}" font-size="${CELL.size}">`,
    `<text x="${n(width / 2)}" y="19" text-anchor="middle" font-size="12" fill="${THEME.caption}">${escaped(caption)}</text>`,
    `<g transform="translate(${FRAME.padding} ${FRAME.title})" fill="${THEME.text}">`,
    ...body,
    '</g></g></svg>',
    '',
  ].join('\n');
}

interface Look {
  fill: string;
  back?: string;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
}

function line(terminal: xterm.Terminal, y: number): string[] {
  const row = terminal.buffer.active.getLine(y);
  if (!row) return [];
  const out: string[] = [];
  const backs: string[] = [];
  const blocks: string[] = [];
  let run = { from: 0, text: '', key: '', look: undefined as Look | undefined };
  const flush = (): void => {
    if (run.look && run.text.trim() !== '') out.push(words(run.from, y, run.text, run.look));
    run = { from: 0, text: '', key: '', look: undefined };
  };
  for (let x = 0; x < terminal.cols; x++) {
    const cell = row.getCell(x);
    if (!cell || cell.getWidth() === 0) continue;
    const look = lookOf(cell);
    if (look.back) backs.push(rectangle(x, y, 0, 0, cell.getWidth(), 1, look.back));
    const block = blockOf(cell.getChars());
    const key = JSON.stringify(look);
    if (block || key !== run.key) flush();
    if (block) blocks.push(rectangle(x, y, ...block, look.fill, look.dim));
    else {
      if (!run.look) run = { from: x, text: '', key, look };
      run.text += cell.getChars() || ' ';
    }
  }
  flush();
  return [...joined(backs), ...joined(blocks), ...out];
}

/** Neighbouring rectangles of one colour are one: no seams between them, and no thousands of them. */
function joined(rectangles: string[]): string[] {
  const out: { x: number; end: number; rest: string }[] = [];
  for (const text of rectangles) {
    const found = /^<rect x="([\d.]+)" width="([\d.]+)"(.*)$/.exec(text);
    const [x, width, rest] = [Number(found?.[1]), Number(found?.[2]), found?.[3] ?? ''];
    const last = out.at(-1);
    if (last && last.rest === rest && Math.abs(last.end - x) < 0.02) last.end = x + width;
    else out.push({ x, end: x + width, rest });
  }
  return out.map(({ x, end, rest }) => `<rect x="${n(x)}" width="${n(end - x)}"${rest}`);
}

/** Words with more than one blank between them are placed each by itself: not every reader keeps blanks. */
function words(x: number, y: number, text: string, look: Look): string {
  const style = [
    look.fill === THEME.text ? '' : ` fill="${look.fill}"`,
    look.bold ? ' font-weight="700"' : '',
    look.dim ? ' opacity="0.6"' : '',
    look.italic ? ' font-style="italic"' : '',
    look.underline ? ' text-decoration="underline"' : '',
  ].join('');
  const line = n(y * CELL.height + CELL.baseline);
  const placed = [...text.matchAll(/\S+(?: \S+)*/g)].map(({ 0: shown, index }) => {
    const width = n([...shown].length * CELL.width);
    return `<text x="${n((x + index) * CELL.width)}" y="${line}" textLength="${width}"${style}>${escaped(shown)}</text>`;
  });
  return placed.join('\n');
}

function rectangle(
  x: number,
  y: number,
  left: number,
  top: number,
  width: number,
  height: number,
  fill: string,
  dim = false,
): string {
  const at = `x="${n((x + left) * CELL.width)}" width="${n(width * CELL.width)}"`;
  const size = `y="${n((y + top) * CELL.height)}" height="${n(height * CELL.height)}"`;
  return `<rect ${at} ${size} fill="${fill}"${dim ? ' opacity="0.6"' : ''}/>`;
}

/** Left, top, width and height of a block character in parts of its cell. */
function blockOf(text: string): [number, number, number, number] | undefined {
  const code = text.codePointAt(0) ?? 0;
  if (code >= 0x2581 && code <= 0x2588) {
    const part = (code - 0x2580) / 8;
    return [0, 1 - part, 1, part];
  }
  if (code >= 0x2589 && code <= 0x258f) return [0, 0, (0x2590 - code) / 8, 1];
  return undefined;
}

function lookOf(cell: IBufferCell): Look {
  let fill = color(cell.isFgRGB(), cell.isFgPalette(), cell.getFgColor());
  let back = color(cell.isBgRGB(), cell.isBgPalette(), cell.getBgColor());
  if (cell.isInverse()) [fill, back] = [back ?? THEME.screen, fill ?? THEME.text];
  return {
    fill: fill ?? THEME.text,
    back,
    bold: cell.isBold() !== 0,
    dim: cell.isDim() !== 0,
    italic: cell.isItalic() !== 0,
    underline: cell.isUnderline() !== 0,
  };
}

function color(rgb: boolean, palette: boolean, value: number): string | undefined {
  if (rgb) return hex(value);
  if (!palette) return undefined;
  if (value < 16) return SIXTEEN[value];
  if (value >= 232) return hex((8 + (value - 232) * 10) * 0x010101);
  const level = (i: number): number => [0, 95, 135, 175, 215, 255][i] ?? 0;
  const cube = value - 16;
  return hex((level(Math.floor(cube / 36)) << 16) | (level(Math.floor(cube / 6) % 6) << 8) | level(cube % 6));
}

const hex = (value: number): string => `#${value.toString(16).padStart(6, '0')}`;
const n = (value: number): string => String(Math.round(value * 100) / 100);
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
