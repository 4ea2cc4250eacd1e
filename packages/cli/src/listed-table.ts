import type { ListedImage } from './listed-cache.ts';
import { humanAge } from './output/age.ts';
import { humanSize } from './output/size.ts';
import { visible } from './output/visible.ts';

const HEADER = ['REFERENCE', 'DIGEST', 'SIZE', 'CREATED', 'PROGRAMS'] as const;
/** A row with what it needs of the time: when the image was made stands between tabs, where its age will be. */
const CREATED = /\t\d+\t/g;

/**
 * The rows of `skep list` as they stay while time passes, one line an image, the newest first: to be kept, and made a table of by
 * {@link tableOf}.
 */
export function linesOf(images: readonly ListedImage[]): string {
  const cells = images.map(cellsOf);
  const rows = [[HEADER[0], HEADER[1], HEADER[2], 0, HEADER[4]] as const, ...cells];
  const width = (i: 0 | 1 | 2) => rows.reduce((most, row) => Math.max(most, row[i].length), 0);
  const widths = [width(0), width(1), width(2)] as const;
  return rows.map((row) => lineOf(row, widths)).join('');
}

/**
 * The line of one more image in such lines. Undefined when it is wider than all others.
 *
 * @param header the first line
 */
export function lineIn(header: string, image: ListedImage): string | undefined {
  const widths = widthsOf(header);
  const cells = cellsOf(image);
  return widths.every((width, i) => cells[i as 0 | 1 | 2].length <= width)
    ? lineOf(cells, widths)
    : undefined;
}

/** Whether no column of such lines is wider than it must be, as it may be when a line was taken out. */
export function isTight(lines: string): boolean {
  const header = lines.slice(0, lines.indexOf('\n'));
  let end = 0;
  return widthsOf(header).every((width) => {
    const last = end + width - 1;
    end += width + 3;
    for (let at = 0; at < lines.length; at = lines.indexOf('\n', at) + 1)
      if (lines[at + last] !== ' ') return true;
    return false;
  });
}

function widthsOf(header: string): readonly [number, number, number] {
  const [second, third] = [header.indexOf(HEADER[1]), header.indexOf(HEADER[2])];
  return [second - 3, third - second - 3, header.indexOf('\t') - third - 3];
}

type Cells = readonly [reference: string, digest: string, size: string, created: number, programs: string];

function cellsOf(image: ListedImage): Cells {
  const digest = shortened(image.digest, true);
  const { reference } = image;
  // Another tool may have written any name.
  const name = visible(reference).replace(/[\t\n]/g, ' ');
  const shown = name.includes('@') ? name.replace(/@.*/, `@${digest}`) : name;
  const created = Math.max(0, Math.floor(image.created));
  const programs = visible(listed(image.programs, true)).replace(/[\t\n]/g, ' ');
  return [shown, digest, humanSize(image.size), created, programs];
}

function lineOf(
  [reference, digest, size, created, programs]: Cells,
  widths: readonly [number, number, number],
): string {
  const left = [reference.padEnd(widths[0]), digest.padEnd(widths[1]), size.padEnd(widths[2])];
  return `${left.join('   ')}   \t${created}\t${programs}\n`;
}

/**
 * The table of {@link linesOf}, with the ages of now. Ten thousand lines are not looked at one by one: neighbours that are equally
 * old, which may be thousands, get their age at once.
 */
export function tableOf(lines: string, now: Date = new Date()): string {
  const first = lines.indexOf('\n') + 1;
  const blocks: { from: number; to: number; age: string }[] = [];
  let width = HEADER[3].length;
  for (let from = first; from < lines.length; ) {
    const age = ageAt(lines, from, now);
    const to = endOf(lines, from, age, now);
    blocks.push({ from, to, age });
    width = Math.max(width, age.length);
    from = to;
  }
  const head = lines.slice(0, first).replace(CREATED, `${HEADER[3].padEnd(width)}   `);
  const body = blocks.map(({ from, to, age }) =>
    lines
      .slice(from, to)
      .replace(/\t\d+\t\n/g, `${age}\n`)
      .replace(CREATED, `${age.padEnd(width)}   `),
  );
  return head + body.join('');
}

/** Where the lines end that are as old as the one at `from`. Older ones come later, so there is no need to read each. */
function endOf(lines: string, from: number, age: string, now: Date): number {
  let low = lines.indexOf('\n', from) + 1;
  let high = lines.length;
  while (low < high) {
    const middle = Math.max(low, lines.lastIndexOf('\n', Math.floor((low + high) / 2) - 1) + 1);
    const next = lines.indexOf('\n', middle) + 1;
    if (ageAt(lines, middle, now) === age) low = next;
    else high = middle;
  }
  return low;
}

function ageAt(lines: string, line: number, now: Date): string {
  const from = lines.indexOf('\t', line) + 1;
  const created = Number(lines.slice(from, lines.indexOf('\t', from)));
  return humanAge(created > 0 ? new Date(created) : undefined, now);
}

/** A few names and how many more: the whole list would not fit a line. */
export function listed(joined: string, trunc: boolean): string {
  if (!trunc || !joined.includes(',')) return joined;
  const names = joined.split(',');
  return names.length > 4 ? `${names.slice(0, 3).join(',')} +${names.length - 3}` : joined;
}

export function shortened(digest: string, trunc: boolean): string {
  return trunc ? digest.slice(0, 'sha256:'.length + 12) : digest;
}
