import { sleptNs } from '@skep/bpf';

/** What to add to a monotonic time to get the time of day, in whole microseconds. */
let offset: number | undefined;
/** By how much boot times are ahead of monotonic ones, nanoseconds; undefined when it is to be looked at anew. */
let slept: number | undefined;
let shownSecond = -1;
let shownText = '';

/**
 * Compares the two clocks anew and returns what to add to a monotonic time (CLOCK_MONOTONIC, which `bpf_ktime_get_ns()`
 * and Node's hrtime are) to get the time of day, in whole microseconds.
 *
 * Date.now() leaves out what is less than a millisecond, so each look gives at most the truth: the most that was found is
 * nearest to it, until the clock is set back.
 */
export function compareClocks(): number {
  slept = undefined;
  if (offset === undefined) {
    // Where a millisecond begins nothing is left out.
    const before = Date.now();
    while (Date.now() === before);
  }
  const found = Date.now() * 1000 - monotonicUs();
  if (offset === undefined || found > offset || found < offset - 1000) offset = found;
  return offset;
}

/**
 * The monotonic time of a time of `bpf_ktime_get_boot_ns()` (CLOCK_BOOTTIME), which goes on while the machine sleeps. One
 * from before the last sleep comes out as much later as that took.
 */
export function monotonicOfBoot(boot: bigint): bigint {
  slept ??= sleptNs();
  return boot === 0n ? 0n : boot - BigInt(slept);
}

function monotonicUs(): number {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1_000_000 + Math.floor(nanos / 1000);
}

/** The time of day, in microseconds since 1970, as the clocks were compared last. */
function wallClockUs(monotonic: bigint): number {
  return Number(monotonic / 1000n) + (offset ?? compareClocks());
}

/** `15:04:05.123456`, in the local time zone. */
export function timeOfDayText(monotonic: bigint): string {
  const wall = wallClockUs(monotonic);
  const second = Math.floor(wall / 1_000_000);
  if (second !== shownSecond) {
    // Events come in order, so this is worked out once a second.
    shownSecond = second;
    shownText = new Date(second * 1000).toTimeString().slice(0, 8);
  }
  return `${shownText}.${micros(wall)}`;
}

/** `2026-11-22T15:04:05.123456Z` (RFC 3339). */
export function isoText(monotonic: bigint): string {
  const wall = wallClockUs(monotonic);
  return `${new Date(Math.floor(wall / 1_000_000) * 1000).toISOString().slice(0, 19)}.${micros(wall)}Z`;
}

function micros(wall: number): string {
  return String(wall % 1_000_000).padStart(6, '0');
}
