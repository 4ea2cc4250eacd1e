/**
 * SKEP_TIMING=1 prints where the milliseconds went: marks since the process started, as the kernel counts it,
 * so Node's own start is in the first one.
 */
const enabled = Boolean(process.env.SKEP_TIMING);
// On globalThis, because the bundle may hold this file twice: `run` is a bundle of its own.
const shared = globalThis as typeof globalThis & { __skepMarks?: [string, number][] };
shared.__skepMarks ??= [];
const marks = shared.__skepMarks;

/** Notes that `name` is reached. Costs nothing unless SKEP_TIMING is set. */
export function mark(name: string): void {
  if (enabled) marks.push([name, performance.now()]);
}

/** Prints the marks so far on stderr, once. */
export function printMarks(): void {
  if (!enabled || marks.length === 0) return;
  let last = 0;
  let text = '';
  for (const [name, at] of marks.splice(0)) {
    text += `timing ${at.toFixed(1).padStart(8)} ms  +${(at - last).toFixed(1).padStart(6)}  ${name}\n`;
    last = at;
  }
  process.stderr.write(text);
}
