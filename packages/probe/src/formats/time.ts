/** What to add to a monotonic time to get the time of day, in ns. Taken once: a run is short against clock drift. */
let offset: bigint | undefined;
let shownSecond = -1;
let shownText = '';

/** The time of day, in ns since 1970, of a `bpf_ktime_get_ns()` (CLOCK_MONOTONIC, which Node's hrtime is too). */
export function wallClockNs(monotonic: bigint): bigint {
  offset ??= BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
  return monotonic + offset;
}

/** `15:04:05.123456`, in the local time zone. */
export function timeOfDayText(monotonic: bigint): string {
  const wall = wallClockNs(monotonic);
  const second = Number(wall / 1_000_000_000n);
  if (second !== shownSecond) {
    // Events come in order, so this is worked out once a second.
    shownSecond = second;
    shownText = new Date(second * 1000).toTimeString().slice(0, 8);
  }
  return `${shownText}.${micros(wall)}`;
}

/** `2026-11-22T15:04:05.123456Z` (RFC 3339). */
export function isoText(monotonic: bigint): string {
  const wall = wallClockNs(monotonic);
  return `${new Date(Number(wall / 1_000_000_000n) * 1000).toISOString().slice(0, 19)}.${micros(wall)}Z`;
}

function micros(wall: bigint): string {
  return String((wall / 1000n) % 1_000_000n).padStart(6, '0');
}
