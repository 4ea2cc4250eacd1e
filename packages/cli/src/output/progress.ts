import { canDraw } from './color.ts';
import { humanSize } from './size.ts';

/** One line that shows how far several blobs are; gone when cleared. */
export interface ProgressBar {
  update(blob: string, done: number, total: number): void;
  clear(): void;
}

/** What the bar needs of a terminal. */
export interface Terminal {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

/** A bar on a terminal; undefined in a pipe or on a dumb one, where silence is better. Redrawn at most 20 times a second. */
export function progressBar(
  terminal: Terminal,
  label: string,
  now: () => number = () => performance.now(),
): ProgressBar | undefined {
  if (!canDraw(terminal)) return undefined;
  const blobs = new Map<string, { done: number; total: number }>();
  let drawnAt = Number.NEGATIVE_INFINITY;
  return {
    update(blob, done, total) {
      blobs.set(blob, { done, total });
      if (now() - drawnAt < 50) return;
      drawnAt = now();
      terminal.write(`\r\x1b[K${barLine(label, [...blobs.values()], terminal.columns || 80)}`);
    },
    clear() {
      if (drawnAt > Number.NEGATIVE_INFINITY) terminal.write('\r\x1b[K');
    },
  };
}

/** The line itself: name, bar, share, bytes, blobs; never wider than the terminal. */
export function barLine(
  label: string,
  blobs: readonly { done: number; total: number }[],
  columns: number,
): string {
  const done = blobs.reduce((sum, b) => sum + b.done, 0);
  const total = blobs.reduce((sum, b) => sum + b.total, 0);
  const finished = blobs.filter((b) => b.done >= b.total).length;
  const share = total > 0 ? Math.min(done / total, 1) : 0;
  const tail = ` ${String(Math.floor(share * 100)).padStart(3)} %  ${humanSize(done)} of ${humanSize(total)}, ${finished} of ${blobs.length} blobs`;
  const width = Math.min(40, columns - 1 - label.length - 1 - tail.length);
  if (width < 5) return `${label}${tail}`.slice(0, columns - 1);
  const full = Math.round(share * width);
  return `${label} ${'█'.repeat(full)}${'░'.repeat(width - full)}${tail}`;
}
