/**
 * The slots of packages/probe/include/skep_latency.h: from 1 us to 100 s, 32 for each power of ten, in steps of 0.1 from 1 to
 * 2, of 0.25 to 5, of 0.5 to 10. A slot takes what is at least its lower end and below its upper.
 */
export const SLOTS = 256;

/** Upper end of each slot, nanoseconds; infinite for the last. The first begins at 0. */
export const SLOT_ENDS: Float64Array = slotEnds();

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

function slotEnds(): Float64Array {
  const ends = new Float64Array(SLOTS);
  for (let slot = 0; slot < SLOTS; slot++) {
    const within = slot % 32;
    const tenths = within < 10 ? 11 + within : within < 22 ? 20 + 2.5 * (within - 9) : 50 + 5 * (within - 21);
    ends[slot] = (tenths * 1000 * 10 ** Math.floor(slot / 32)) / 10;
  }
  ends[SLOTS - 1] = Number.POSITIVE_INFINITY;
  return ends;
}

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
