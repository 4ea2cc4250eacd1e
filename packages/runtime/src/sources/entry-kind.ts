import { latencyBuckets } from '../series/latency-slots.ts';
import type { MapPlan } from '../streams/plan.ts';
import type { Entries, Read } from './entry.ts';
import { BucketEntries, SlotEntries } from './entry-histogram.ts';
import { CounterEntries, GaugeEntries, Sums } from './entry-numbers.ts';
import { PrintEntries } from './entry-print.ts';

/** The behaviour of a plan's entries. `cpus` parts, `stride` bytes apart, when the map is per CPU. */
export function entriesOf(plan: MapPlan, cpus: number, stride: number): Entries {
  const parts = plan.perCpu ? cpus : 1;
  const columns = plan.histogram ? histogramColumns(plan) : plan.values;
  const { valueStacks, valueStackReader } = plan.stream;
  const reads = columns.map((i): Read => {
    const stack = valueStackReader ? valueStacks.findIndex((s) => s.column === i) : -1;
    return stack < 0
      ? plan.valueDecoder.column(i)
      : (view, offset) => valueStackReader!.take(stack, view, offset).lines;
  });
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
