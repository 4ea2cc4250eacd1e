import type { HistogramState } from '../contract/series.ts';

/** A histogram that is added to. Counts are doubles: exact to 2^53. */
export class Histogram implements HistogramState {
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  count = 0;
  sum: number | undefined;

  constructor(bounds: readonly number[], hasSum: boolean) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
    this.sum = hasSum ? 0 : undefined;
  }

  /** Counts `value` `times` times. */
  observe(value: number, times = 1): void {
    this.add(bucketOf(this.bounds, value), times);
    if (this.sum !== undefined) this.sum += value * times;
  }

  /** Adds to one bucket, the nearest there is, and to the whole count. */
  add(bucket: number, times: number): void {
    this.counts[Math.max(0, Math.min(bucket, this.bounds.length))]! += times;
    this.count += times;
  }
}

/** Index of the first bound that is not below `value`; `bounds.length` when all are. */
export function bucketOf(bounds: readonly number[], value: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const mid = (low + high) >>> 1;
    if (bounds[mid]! < value) low = mid + 1;
    else high = mid;
  }
  return low;
}
