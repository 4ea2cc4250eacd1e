import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minus, plus } from '../src/num.ts';
import { bucketOf, Histogram } from '../src/series/histogram.ts';
import { grownBy } from '../src/sources/entry-numbers.ts';
import { log2Bounds } from '../src/streams/map-histogram.ts';

test('sums stay exact beyond 2^53 and come back to numbers below', () => {
  const max = 18_446_744_073_709_551_615n;
  assert.equal(plus(2 ** 53 - 1, 2), 9_007_199_254_740_993n);
  assert.equal(minus(max, max - 5n), 5);
  assert.equal(plus(0.5, 0.25), 0.75);
  assert.equal(plus(0.5, 2n ** 60n), 2 ** 60 + 0.5);
});

test('a counter takes what a number grew by, all of it after a fall, and never less than nothing', () => {
  const grown = [
    [7, 5],
    [3, 5],
    [0, 5],
    [-3, 0],
    [-1, -3],
    [Number.NaN, 5],
    [7, -3],
    [2n ** 64n - 1n, 2n ** 63n],
  ] as const;
  assert.deepEqual(
    grown.map(([now, last]) => grownBy(now, last)),
    [2, 3, 0, 0, 0, 0, 7, 2n ** 63n - 1n],
  );
});

test('bounds are inclusive', () => {
  assert.deepEqual(
    [-1, 0, 1, 10, 11, 5000, 5001].map((v) => bucketOf([0, 10, 5000], v)),
    [0, 0, 1, 1, 2, 2, 3],
  );
  const h = new Histogram([1, 2], true);
  for (const v of [1, 2, 3]) h.observe(v, 2);
  assert.deepEqual([[...h.counts], h.count, h.sum], [[2, 2, 2], 6, 12]);
});

test('power-of-two slots have the bounds that integers in them have', () => {
  assert.deepEqual(log2Bounds(4), [1, 3, 7]);
});
