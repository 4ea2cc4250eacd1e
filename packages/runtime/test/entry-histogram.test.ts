import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordView, type Value } from '@skep/bpf';
import { Histogram } from '../src/series/histogram.ts';
import type { Row } from '../src/series/row.ts';
import { SlotEntries } from '../src/sources/entry-histogram.ts';
import { Sums } from '../src/sources/entry-numbers.ts';

/** Entries whose value is what `now` holds: slots and their sum. */
function slots() {
  const now: { slots: number[]; sum: number } = { slots: [0, 0], sum: 0 };
  const histogram = new Histogram([1], true);
  const row = { histogram, counted: () => {} } as unknown as Row;
  const reads = [(): Value => now.slots, (): Value => now.sum];
  const entries = new SlotEntries(new Sums(reads, 1, 8));
  const view = recordView(new Uint8Array(8));
  const read = (slots: number[], sum: number) => {
    Object.assign(now, { slots, sum });
    entries.read(0, view, 0);
    entries.settle(0, row, false, 1);
    return [Array.from(histogram.counts), histogram.sum];
  };
  return { read, histogram };
}

test('what a probe adds to the sum is not missed when its slot was read before', () => {
  const { read } = slots();
  assert.deepEqual(read([1, 0], 0), [[1, 0], 0]);
  assert.deepEqual(read([1, 0], 7), [[1, 0], 7]);
  assert.deepEqual(read([1, 1], 9), [[1, 1], 9]);
});

test('a slot below the first is the first, one above the last the last', () => {
  const { histogram } = slots();
  histogram.add(-1, 2);
  histogram.add(9, 3);
  assert.deepEqual([Array.from(histogram.counts), histogram.count], [[2, 3], 5]);
});
