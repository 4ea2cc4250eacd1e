import type { HistogramState } from '../contract/series.ts';
import { grouped, quantity } from './format.ts';
import type { Screen } from './screen.ts';
import { STYLE } from './style.ts';

const EIGHTHS = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
const LEVELS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const LEVELS_ASCII = ['.', ':', '-', '=', '+', '*', '#', '@'];

/** A bar of `share` (0 to 1) of `columns`, to an eighth of a column; what is not zero shows at least a sliver. */
export function bar(share: number, columns: number, ascii: boolean): string {
  if (share <= 0 || columns <= 0) return '';
  const eighths = Math.max(1, Math.round(Math.min(1, share) * columns * 8));
  if (ascii) return '#'.repeat(Math.max(1, Math.round(eighths / 8)));
  return '█'.repeat(eighths >> 3) + (eighths & 7 ? EIGHTHS[eighths & 7] : '');
}

/** First and last bucket that hold anything; the whole when none does. */
function extent(h: HistogramState): [number, number] {
  let first = -1;
  let last = -1;
  for (let i = 0; i <= h.bounds.length; i++) {
    if (h.counts[i]! === 0) continue;
    if (first < 0) first = i;
    last = i;
  }
  return first < 0 ? [0, h.bounds.length] : [first, last];
}

/** A histogram in one line, `columns` wide at most: a level for each bucket, neighbours joined if need be. */
export function sparkline(h: HistogramState, columns: number, ascii: boolean): string {
  if (h.count === 0 || columns <= 0) return '';
  const buckets = h.bounds.length + 1;
  const join = Math.ceil(buckets / columns);
  const sums: number[] = [];
  for (let i = 0; i < buckets; i += join) {
    let sum = 0;
    for (let j = i; j < Math.min(buckets, i + join); j++) sum += h.counts[j]!;
    sums.push(sum);
  }
  const top = Math.max(...sums);
  const levels = ascii ? LEVELS_ASCII : LEVELS;
  return sums.map((n) => (n === 0 ? ' ' : levels[Math.max(0, Math.ceil((n / top) * 8) - 1)])).join('');
}

/** One line of the drawing. */
interface Bucket {
  readonly from: string;
  readonly to: string;
  readonly count: number;
}

function bucketsOf(h: HistogramState, unit: string | undefined): Bucket[] {
  const [first, last] = extent(h);
  const out: Bucket[] = [];
  for (let i = first; i <= last; i++) {
    const to = h.bounds[i];
    const from = i === 0 ? undefined : h.bounds[i - 1];
    out.push({
      from: from === undefined ? '' : to === undefined ? '' : quantity(from, unit),
      to:
        to === undefined
          ? `> ${quantity(from ?? 0, unit)}`
          : from === undefined
            ? `≤ ${quantity(to, unit)}`
            : quantity(to, unit),
      count: h.counts[i]!,
    });
  }
  return out;
}

/** How many lines a histogram needs. */
export function histogramHeight(h: HistogramState): number {
  if (h.count === 0) return 1;
  const [first, last] = extent(h);
  return last - first + 1;
}

/** Where and how to draw. */
export interface BarsPlace {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Lines scrolled past. */
  readonly scroll: number;
  readonly ascii: boolean;
  /** Of the observed values. */
  readonly unit?: string;
}

/** Draws bucket ranges, counts, shares and bars, one line a bucket, empty buckets at both ends left out. */
export function paintBars(screen: Screen, h: HistogramState, place: BarsPlace): void {
  // A map of slots has its row from the start; thirty empty buckets would only look like a fault.
  if (h.count === 0) {
    screen.put(place.x, place.y, 'nothing observed yet', STYLE.dim, { width: place.width });
    return;
  }
  const buckets = bucketsOf(h, place.unit);
  const { ascii, x, y } = place;
  const text = (t: string): string => (ascii ? t.replace('≤', '<=') : t);
  const fromWidth = Math.max(...buckets.map((b) => b.from.length));
  const toWidth = Math.max(...buckets.map((b) => text(b.to).length));
  const counts = buckets.map((b) => grouped(b.count));
  const countWidth = Math.max(...counts.map((c) => c.length));
  const top = Math.max(1, ...buckets.map((b) => b.count));
  const labels = x + (fromWidth > 0 ? fromWidth + 3 : 0) + toWidth + 2;
  const start = labels + countWidth + 2;
  const shareWidth = place.width >= 50 ? 7 : 0;
  const room = x + place.width - start - shareWidth;
  buckets.slice(place.scroll, place.scroll + place.height).forEach((bucket, line) => {
    const row = y + line;
    if (bucket.from !== '') {
      screen.put(x, row, bucket.from, STYLE.text, { width: fromWidth, align: 'right' });
      screen.put(x + fromWidth, row, ascii ? ' - ' : ' – ', STYLE.barDim);
    }
    screen.put(labels - 2 - toWidth, row, text(bucket.to), STYLE.text, { width: toWidth, align: 'right' });
    const count = counts[place.scroll + line]!;
    screen.put(labels, row, count, bucket.count === 0 ? STYLE.dim : STYLE.bold, {
      width: countWidth,
      align: 'right',
    });
    const end = screen.put(start, row, bar(bucket.count / top, room, ascii), STYLE.bar, { width: room });
    if (shareWidth > 0 && bucket.count > 0) {
      screen.put(end + 1, row, `${((bucket.count / h.count) * 100).toFixed(1)}%`, STYLE.barDim, {
        width: shareWidth - 1,
      });
    }
  });
}
