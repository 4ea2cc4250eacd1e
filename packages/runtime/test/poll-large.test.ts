import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { BpfMap, type Btf } from '@skep/bpf';
import { polled, pollTypes } from './support/polled.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const KEYS = 300_000;

let btf: Btf;
before(async () => {
  btf = await pollTypes();
});

const key = new Uint8Array(8);
const value = new Uint8Array(8);
const bytesOf = { key: new DataView(key.buffer), value: new DataView(value.buffer) };

function set(map: BpfMap, k: number, v: number): void {
  bytesOf.key.setUint32(4, k, true);
  bytesOf.value.setUint32(0, v, true);
  map.set(key, value);
}

function remove(map: BpfMap, k: number): void {
  bytesOf.key.setUint32(4, k, true);
  map.delete(key);
}

/**
 * The most CPU time that our thread needed between two turns of the event loop while `work` was under way, in
 * milliseconds, and how many turns there were. Time on the clock would depend on what else the machine does.
 */
async function longestTurn(work: Promise<unknown>): Promise<{ longest: number; turns: number }> {
  let under = true;
  void work.finally(() => {
    under = false;
  });
  let [longest, turns] = [0, 0];
  const now = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  for (let last = now(); under; turns++) {
    await turn();
    const at = now();
    longest = Math.max(longest, at - last);
    last = at;
  }
  await work;
  return { longest, turns };
}

test('a hash of 300,000 keys is read in slices, at the first time and later, and every key counts', {
  skip,
}, async () => {
  using map = BpfMap.create({ type: 'hash', keySize: 8, valueSize: 8, maxEntries: 2 * KEYS });
  for (let k = 0; k < KEYS; k++) set(map, k, 1 + (k % 3));
  const { registry, rows } = polled(btf, map, 1000);
  const total = (): number => [...rows].reduce((sum, row) => sum + Number(row.value), 0);
  const first = await longestTurn(registry.refreshNow());
  assert.equal(total(), 2 * KEYS);
  assert.equal(rows.size, 1001);
  for (let k = 0; k < KEYS; k += 2) remove(map, k);
  for (let k = 0; k < KEYS; k++) set(map, KEYS + k / 2, 5);
  const later = await longestTurn(registry.refreshNow());
  // Series that left took their counts along; what is in the overflow row stays.
  assert.ok(total() >= 2 * KEYS + 5 * (KEYS / 2) - 3000, `${total()}`);
  // It was 130 ms in one piece at the first time, on a quiet machine.
  for (const { longest, turns } of [first, later]) {
    assert.ok(turns > 10, `${turns} turns`);
    assert.ok(longest < 40, `${longest} ms in one turn`);
  }
});

test('while entries come and go between the slices, those that stay are read once each', {
  skip,
}, async () => {
  using map = BpfMap.create({ type: 'hash', keySize: 8, valueSize: 8, maxEntries: 200_000 });
  const stay = 60_000;
  for (let k = 0; k < stay; k++) set(map, k, 7);
  const { registry, rows } = polled(btf, map, 200_000, 'gauge_x');
  for (let round = 0; round < 3; round++) {
    let under = true;
    const refresh = registry.refreshNow().finally(() => {
      under = false;
    });
    for (let n = 0; under; n++) {
      for (let i = 0; i < 500; i++) set(map, 100_000 + ((n * 500 + i) % 90_000), 1);
      for (let i = 0; i < 250; i++) remove(map, 100_000 + ((n * 500 + i) % 90_000));
      await turn();
    }
    await refresh;
    const staying = [...rows].filter((row) => Number(row.labels[1]![1]) < 100_000);
    assert.equal(staying.length, stay);
    assert.ok(staying.every((row) => row.value === 7));
  }
});
