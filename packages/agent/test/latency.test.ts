import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { BOUNDS_SECONDS, BUCKET_OF_SLOT, quantile, SLOT_ENDS, SLOTS } from '../src/latency.ts';

/** skep_latency_slot() of packages/probe/include/skep_latency.h, as it stands there. */
function slotOf(ns: number): number {
  if (ns < 1000) return 0;
  if (ns >= 100_000_000_000) return SLOTS - 1;
  let [decade, unit] = ns >= 10_000_000 ? [4, 500_000] : [0, 50];
  if (ns >= unit * 2000) [decade, unit] = [decade + 2, unit * 100];
  if (ns >= unit * 200) [decade, unit] = [decade + 1, unit * 10];
  const n = Math.floor(ns / unit);
  if (n < 40) return decade * 32 + Math.floor((n - 20) / 2);
  if (n < 100) return decade * 32 + 10 + Math.floor((n - 40) / 5);
  return decade * 32 + 22 + Math.floor((n - 100) / 10);
}

test('slots end where the kernel ends them', () => {
  for (let slot = 0; slot < SLOTS - 1; slot++) {
    strictEqual(slotOf(SLOT_ENDS[slot]!), slot + 1, `${SLOT_ENDS[slot]}`);
    strictEqual(slotOf(SLOT_ENDS[slot]! - 1), slot);
  }
});

test('every bound of OpenTelemetry is the end of a slot', () => {
  for (const bound of BOUNDS_SECONDS) ok(SLOT_ENDS.includes(bound * 1e9), `${bound}`);
  strictEqual(BUCKET_OF_SLOT[slotOf(4_999_999)], 0);
  strictEqual(BUCKET_OF_SLOT[slotOf(5_000_000)], 1);
  strictEqual(BUCKET_OF_SLOT[slotOf(9_999_999_999)], 13);
  strictEqual(BUCKET_OF_SLOT[slotOf(10_000_000_000)], 14);
  strictEqual(BUCKET_OF_SLOT[SLOTS - 1], 14);
});

test('a quantile is off by a sixteenth at most', () => {
  for (const ns of [1500, 77_000, 4_321_000, 1_234_567_890, 42_000_000_000]) {
    const slots = new Float64Array(SLOTS);
    slots[slotOf(ns)] = 10;
    for (const share of [0.01, 0.5, 0.99, 1])
      ok(Math.abs(quantile(slots, share) / ns - 1) <= 0.0625, `${ns} ${quantile(slots, share)}`);
  }
  const two = new Float64Array(SLOTS);
  two[slotOf(1_000_000)] = 99;
  two[slotOf(1_000_000_000)] = 1;
  deepStrictEqual(
    [0.5, 0.99, 1].map((q) => Math.round(quantile(two, q) / 1e6)),
    [1, 1, 1050],
  );
  ok(Number.isNaN(quantile(new Float64Array(SLOTS), 0.5)));
});
