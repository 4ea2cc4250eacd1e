import { latencyBuckets } from '../series/latency-slots.ts';
import type { MapPlan } from '../streams/plan.ts';
import type { Entries } from './entry.ts';
import { BucketEntries, SlotEntries } from './entry-histogram.ts';
import { CounterEntries, GaugeEntries, Sums } from './entry-numbers.ts';
import { PrintEntries } from './entry-print.ts';

/** The behaviour of a plan's entries. `cpus` parts, `stride` bytes apart, when the map is per CPU. */
export function entriesOf(plan: MapPlan, cpus: number, stride: number): Entries {
  const parts = plan.perCpu ? cpus : 1;
  const columns = plan.histogram ? histogramColumns(plan) : plan.values;
  const reads = columns.map((i) => plan.valueDecoder.column(i));
  if (plan.stream.kind === 'print') return new PrintEntries(reads, plan, parts, stride);
  const sums = new Sums(reads, parts, stride);
  if (plan.stream.kind === 'counter') return new CounterEntries(sums);
  if (plan.stream.kind === 'gauge') return new GaugeEntries(sums);
  const { form, latency } = plan.histogram!;
  if (form === 'slots') return new SlotEntries(sums, latency ? latencyBuckets : undefined);
  return new BucketEntries(sums, plan);
}

function histogramColumns(plan: MapPlan): number[] {
  const { value, sum } = plan.histogram!;
  return sum === undefined ? [value] : [value, sum];
}
