import { latencySlotEnd, LATENCY_SLOTS as SLOTS } from '@skep/runtime';

export { SLOTS };

/** Upper end of each slot, nanoseconds; infinite for the last. The first begins at 0. */
export const SLOT_ENDS: Float64Array = Float64Array.from({ length: SLOTS }, (_, slot) =>
  latencySlotEnd(slot),
);

/**
 * The bounds that OpenTelemetry advises for HTTP durations, seconds: each is exactly a slot's end.
 *
 * Source: https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration
 */
export const BOUNDS_SECONDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/** Which of the {@link BOUNDS_SECONDS} buckets a slot is in; the last for what lies above them all. */
export const BUCKET_OF_SLOT: Uint8Array = Uint8Array.from({ length: SLOTS }, (_, slot) => {
  const end = SLOT_ENDS[slot]!;
  const bucket = BOUNDS_SECONDS.findIndex((bound) => end <= bound * 1e9);
  return bucket < 0 ? BOUNDS_SECONDS.length : bucket;
});

export const BUCKETS: number = BOUNDS_SECONDS.length + 1;

/**
 * The duration, nanoseconds, below which this share of what was counted lies: the middle of its slot, off by at most 6.25 %.
 * NaN when nothing was counted.
 */
export function quantile(slots: ArrayLike<number>, share: number): number {
  let total = 0;
  for (let i = 0; i < SLOTS; i++) total += slots[i]!;
  if (total === 0) return Number.NaN;
  let left = Math.max(1, Math.ceil(total * share));
  for (let slot = 0; slot < SLOTS; slot++) {
    left -= slots[slot]!;
    if (left > 0) continue;
    const lower = slot === 0 ? 0 : SLOT_ENDS[slot - 1]!;
    const upper = SLOT_ENDS[slot]!;
    return upper === Number.POSITIVE_INFINITY ? lower : (lower + upper) / 2;
  }
  return Number.NaN;
}
