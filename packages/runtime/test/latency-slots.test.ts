/** The slots of skep_latency.h as the runtime knows them, against the C code, compiled for this machine. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { LATENCY_SLOTS, latencyBounds, latencyBuckets, latencySlotEnd } from '../src/series/latency-slots.ts';

const dir = mkdtempSync(join(tmpdir(), 'skep-slots-'));
after(() => rmSync(dir, { recursive: true }));

let slotsOf: (values: readonly number[]) => number[];
before(() => {
  const header = join(import.meta.dirname, '../../probe/include/skep_latency.h');
  const source = join(dir, 'slots.c');
  writeFileSync(
    source,
    `#include <stdio.h>
     typedef unsigned int __u32; typedef unsigned long long __u64;
     #define SKEP_H
     #undef __always_inline
     #define __always_inline inline
     #include "${header}"
     int main(void) { __u64 v; while (scanf("%llu", &v) == 1) printf("%u\\n", skep_latency_slot(v)); }`,
  );
  execFileSync('gcc', ['-O1', '-o', join(dir, 'slots'), source]);
  slotsOf = (values) =>
    execFileSync(join(dir, 'slots'), { input: values.join('\n'), encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(Number);
});

const usual = [5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000].map((ms) => ms * 1e6);

test('each slot begins where the one before ends, and ends where it says', () => {
  const ends = Array.from({ length: LATENCY_SLOTS - 1 }, (_, slot) => latencySlotEnd(slot));
  const all = Array.from({ length: LATENCY_SLOTS - 1 }, (_, slot) => slot);
  assert.deepEqual(slotsOf(ends.map((end) => end - 1)), all);
  assert.deepEqual(
    slotsOf(ends),
    all.map((slot) => slot + 1),
  );
  assert.deepEqual(slotsOf([0, 999, 1e11, 1e15]), [0, 0, 255, 255]);
});

test('no slot is wider than an eighth of its lower end', () => {
  for (let slot = 1; slot < LATENCY_SLOTS - 1; slot++)
    assert.ok(latencySlotEnd(slot) / latencySlotEnd(slot - 1) <= 1.125 + 1e-9, `slot ${slot}`);
});

test('the usual bounds of OpenTelemetry are among those shown, and a slot lies within one bucket', () => {
  for (const bound of usual) assert.ok(latencyBounds.includes(bound), `${bound}`);
  const ends = new Set(Array.from({ length: LATENCY_SLOTS }, (_, slot) => latencySlotEnd(slot)));
  for (const bound of latencyBounds) assert.ok(ends.has(bound), `${bound} ends a slot`);
  assert.equal(latencyBuckets[LATENCY_SLOTS - 1], latencyBounds.length);
});
