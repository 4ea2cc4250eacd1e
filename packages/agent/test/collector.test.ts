// What a program counted under a key that is taken out of the kernel's map belongs to somebody, whatever is not known yet.
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { RawMap } from '@skep/runtime';
import { RAW_PROCESS } from '../src/kernel/key.ts';
import { SLOTS } from '../src/latency.ts';
import { NOBODY } from '../src/peers/peers.ts';
import { Collector, type CollectorParts } from '../src/series/collector.ts';
import { SeriesStore } from '../src/series/store.ts';
import { Service } from '../src/services/service.ts';

const KEY = { route: 0, peer: 8, service: 16, port: 20, status: 22, role: 24, method: 28, error: 32 };
const KEY_SIZE = 40;
const VALUE = { slots: 0, sum: SLOTS * 4, request_bytes: SLOTS * 4 + 8, response_bytes: SLOTS * 4 + 16 };
const VALUE_SIZE = SLOTS * 4 + 24;
const FINGERPRINT = 0x1234_5678_9abc_def0n;

/** A kernel's map with what is put into it. */
class FakeMap {
  readonly entries = new Map<string, { key: Uint8Array; value: Uint8Array }>();
  readonly keySize = KEY_SIZE;
  readonly valueBytes = VALUE_SIZE;

  put(key: Uint8Array, requests: number): void {
    const value = new Uint8Array(VALUE_SIZE);
    const dv = new DataView(value.buffer);
    dv.setUint32(VALUE.slots + 4, requests, true);
    dv.setBigUint64(VALUE.sum, BigInt(requests) * 1000n, true);
    this.entries.set(key.join(), { key, value });
  }

  walk() {
    const { entries } = this;
    return {
      ended: false,
      keys: new Uint8Array(),
      values: new Uint8Array(),
      begin() {
        this.ended = false;
      },
      next(): number {
        const all = [...entries.values()];
        this.keys = new Uint8Array(all.flatMap((e) => [...e.key]));
        this.values = new Uint8Array(all.flatMap((e) => [...e.value]));
        this.ended = true;
        return all.length;
      },
    };
  }

  take(key: Uint8Array): Uint8Array | undefined {
    const found = this.entries.get(key.join());
    this.entries.delete(key.join());
    return found?.value;
  }

  get raw(): RawMap {
    const members = (offsets: Record<string, number>) =>
      new Map(Object.entries(offsets).map(([name, offset]) => [name, { offset, size: 8 }]));
    return { map: this as unknown as RawMap['map'], key: members(KEY), value: members(VALUE) };
  }
}

function keyOf(service: number, status = 200, route = FINGERPRINT): Uint8Array {
  const key = new Uint8Array(KEY_SIZE);
  const dv = new DataView(key.buffer);
  dv.setBigUint64(KEY.route, route, true);
  dv.setUint32(KEY.service, service, true);
  dv.setUint16(KEY.status, status, true);
  dv.setUint32(KEY.role, 1, true);
  dv.setUint32(KEY.method, 1, true);
  return key;
}

/** A collector on a map, with one service for every process, of which nobody knows a route. */
function fake({
  knows,
  hear,
  settled = true,
  most,
  told,
}: {
  knows: () => boolean;
  hear?: () => { text: string };
  settled?: boolean;
  most?: number;
  told?: { text: string };
}) {
  const requests = new FakeMap();
  const whose = { service: new Service(1, 'shop', undefined, 0) };
  const store = new SeriesStore({ most });
  const clock = { now: 0 };
  const collector = new Collector({
    tables: { requests: requests.raw, overflow: new FakeMap().raw, capacity: { series: 100 } },
    services: { byId: () => whose.service },
    processes: { knows, settled: () => settled, serviceOf: () => whose.service },
    routes: { find: () => told, settled: () => false, askAgain: () => {}, answered: () => {} },
    peers: { of: () => NOBODY },
    store,
    own: new SeriesStore(),
    clock: () => clock.now,
    hearPaths: () => {
      told = hear?.();
    },
  } as unknown as CollectorParts);
  return { requests, store, collector, clock, whose };
}

test('the text of a path that came while the agent got no time is read before it is given up', async () => {
  const { requests, store, collector, clock } = fake({
    knows: () => true,
    hear: () => ({ text: '/users/{id}' }),
  });
  requests.put(keyOf(RAW_PROCESS + 42), 7);
  await collector.collect();
  deepStrictEqual([...store], []);
  clock.now = 60_000;
  await collector.collect();
  deepStrictEqual(
    [...store].map((s) => [s.labels.route, s.count]),
    [['/users/{id}', 7]],
  );
});

test('what waits for its name or its route when the agent ends is counted as it stands', async () => {
  const { requests, store, collector } = fake({ knows: () => false });
  requests.put(keyOf(RAW_PROCESS + 42), 7);
  await collector.collect();
  strictEqual(collector.requests, 0);
  await collector.finish();
  deepStrictEqual(
    [...store].map((s) => [s.labels.service?.name, s.labels.route, s.count]),
    [['shop', '*', 7]],
  );
});

test('is counted without its route when its process has a service, and the text of its path never came', async () => {
  const { requests, store, collector, clock } = fake({ knows: () => true });
  requests.put(keyOf(RAW_PROCESS + 42), 7);
  await collector.collect();
  // The text may come yet.
  strictEqual(collector.requests, 0);
  clock.now = 1_500;
  requests.put(keyOf(RAW_PROCESS + 42), 9);
  await collector.collect();
  strictEqual(requests.entries.size, 0);
  strictEqual(collector.requests, 9);
  deepStrictEqual(
    [...store].map((s) => [s.labels.service?.name, s.labels.route, s.labels.status, s.count, s.sum]),
    [['shop', '*', 200, 9, 9000]],
  );
});

test('a series began when the kernel was read the time before, or what it counts would be of no time at all', async () => {
  mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  try {
    const { requests, store, collector, clock } = fake({ knows: () => true, hear: () => ({ text: '/' }) });
    const pass = async (ms: number) => {
      clock.now += ms;
      mock.timers.tick(ms);
      await collector.collect();
    };
    await pass(1000);
    requests.put(keyOf(RAW_PROCESS + 42), 7);
    await pass(1000);
    // The text of its path comes late.
    await pass(3000);
    const [series] = [...store];
    deepStrictEqual([series!.count, series!.startedAt], [7, 1_001_000_000_000n]);
  } finally {
    mock.timers.reset();
  }
});

test('what a process counts goes to the service that it is, in whatever order the kernel has it', async () => {
  const { requests, store, collector, whose } = fake({
    knows: () => true,
    hear: () => ({ text: '/' }),
    settled: false,
  });
  const counts = (...each: [pid: number, requests: number][]) => {
    requests.entries.clear();
    for (const [pid, n] of each) requests.put(keyOf(RAW_PROCESS + pid), n);
    return collector.finish();
  };
  const names = () => [...store].map((s) => [s.labels.service?.name, s.count]);
  await counts([1, 10], [2, 20], [3, 30]);
  await counts([3, 31], [1, 12], [2, 23]);
  deepStrictEqual(names(), [['shop', 66]]);
  await counts([1, 13], [4, 100], [2, 23], [3, 31]);
  deepStrictEqual(names(), [['shop', 167]]);
  // They have become another program.
  whose.service = new Service(2, 'till', undefined, 0);
  await counts([2, 24], [1, 15]);
  deepStrictEqual(names(), [
    ['shop', 167],
    ['till', 3],
  ]);
});

test('what found no room has a place of its own as soon as there is some, and what is idle makes it', async () => {
  const { requests, store, collector, clock } = fake({
    knows: () => true,
    told: { text: '/' },
    settled: false,
    most: 3,
  });
  const pass = async (ms: number, ...each: [status: number, requests: number][]) => {
    clock.now += ms;
    for (const [status, n] of each) requests.put(keyOf(RAW_PROCESS + 42, status, 7n), n);
    await collector.collect();
    return [...store].map(({ labels, count }) => [labels.overflow ? 'overflow' : labels.status, count]);
  };
  await pass(5_000, [200, 1], [201, 1], [204, 1], [202, 1], [203, 1]);
  deepStrictEqual(await pass(5_000), [
    [200, 1],
    [201, 1],
    [204, 1],
    ['overflow', 2],
  ]);
  // The last two go on, the others are idle: their entries go after a minute, and their label sets after five more.
  for (let n = 2; n <= 8; n++) await pass(60_000, [202, n], [203, n]);
  deepStrictEqual(await pass(60_000, [202, 10], [203, 20]), [
    ['overflow', 12],
    [202, 4],
    [203, 14],
  ]);
  strictEqual(collector.requests, 33);
});
