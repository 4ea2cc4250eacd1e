import { bucketOf } from './histogram.ts';

/**
 * The slots of `skep_latency.h` (packages/probe/include): 32 for each power of ten from 1 us to 100 s, in steps of 0.1
 * from 1 to 2, of 0.25 to 5 and of 0.5 to 10.
 */
export const LATENCY_SLOTS = 256;

const PER_DECADE = 32;

/** Upper end of a slot in nanoseconds, which is the lower end of the next; of the last, which has none, Infinity. */
export function latencySlotEnd(slot: number): number {
  if (slot >= LATENCY_SLOTS - 1) return Number.POSITIVE_INFINITY;
  const step = slot % PER_DECADE;
  // Twentieths of the decade's lower end, which is 20 of them.
  const units = step < 10 ? 22 + 2 * step : step < 22 ? 45 + 5 * (step - 10) : 110 + 10 * (step - 22);
  return units * 50 * 10 ** Math.floor(slot / PER_DECADE);
}

/**
 * Bounds, in nanoseconds, that are shown instead of 255: 2.5 us, 5 us, 7.5 us, 10 us, …, 75 s. All are ends of slots, and
 * OpenTelemetry's usual ones (5 ms to 10 s) are among them, so nothing is estimated.
 */
export const latencyBounds: readonly number[] = Array.from({ length: 31 }, (_, i) => {
  const place = i + 1;
  return [1, 2.5, 5, 7.5][place % 4]! * 1000 * 10 ** Math.floor(place / 4);
});

/** The bucket of {@link latencyBounds} that each slot lies in. */
export const latencyBuckets: readonly number[] = Array.from({ length: LATENCY_SLOTS }, (_, slot) =>
  bucketOf(latencyBounds, latencySlotEnd(slot)),
);
