import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { BpfMap, type EntryWalk, ensureBpffs, type MapType, MapUpdate, possibleCpus } from '../src/index.ts';
import { readAll } from '../src/maps/batch.ts';
import { Walk } from '../src/maps/walk.ts';
import type { NativeError } from '../src/native.ts';
import { asU32, asU64, openSource, u32, u64 } from './support/kernel.ts';
import { producers } from './support/producers.ts';

const make = (type: MapType, maxEntries = 64, valueSize = 8, keySize = 4) =>
  BpfMap.create({ type, keySize, valueSize, maxEntries, name: 'skep_test' });

/** What bpftool reads from the same map: key to value, little-endian integers; per-CPU values summed. */
function bpftoolDump(map: BpfMap): Map<number, number> {
  const json = execFileSync('bpftool', ['-j', 'map', 'dump', 'id', `${map.id}`], { encoding: 'utf8' });
  const int = (hex: string[]) => hex.reduceRight((n, h) => n * 256 + Number.parseInt(h, 16), 0);
  const rows = JSON.parse(json) as { key: string[]; value?: string[]; values?: { value: string[] }[] }[];
  return new Map(
    rows.map((r) => [int(r.key), r.value ? int(r.value) : r.values!.reduce((s, v) => s + int(v.value), 0)]),
  );
}

/** All CPUs' values of one key, `n` on each. */
const everyCpu = (n: number) => {
  const v = new BigUint64Array(possibleCpus()).fill(BigInt(n));
  return new Uint8Array(v.buffer);
};

for (const type of ['hash', 'lru_hash', 'percpu_hash', 'lru_percpu_hash', 'array', 'percpu_array'] as const) {
  test(`${type}: what is written is read back one by one, in batches, key by key, and by bpftool`, () => {
    using map = make(type, 1024);
    const isArray = type.includes('array');
    const count = isArray ? 1024 : 700;
    const value = (n: number) => (map.perCpu ? everyCpu(n) : u64(n));
    for (let i = 0; i < count; i++) map.set(u32(i), value(i * 3));
    assert.deepEqual(map.get(u32(5)), value(15));
    const expected = new Map(
      Array.from({ length: count }, (_, i) => [i, i * 3 * (map.perCpu ? possibleCpus() : 1)]),
    );
    const sum = (v: Uint8Array) => {
      let s = 0;
      for (let at = 0; at < v.length; at += 8) s += asU64(v.subarray(at));
      return s;
    };
    const read = new Map([...map].map(([k, v]) => [asU32(k), sum(v)]));
    assert.deepEqual(new Map([...read].sort(([a], [b]) => a - b)), expected);
    assert.deepEqual(new Map([...bpftoolDump(map)].sort(([a], [b]) => a - b)), expected);
    if (isArray) {
      assert.throws(() => map.delete(u32(5)), { code: 'SKEP_UNSUPPORTED' });
    } else {
      assert.equal(map.delete(u32(5)), true);
      assert.equal(map.delete(u32(5)), false);
      assert.equal(map.get(u32(5)), undefined);
      assert.equal(map.readBatch(map.newBatch()), count - 1);
    }
  });
}

test('a queue is first in first out, a stack last in first out; full and empty are told apart', () => {
  using queue = make('queue', 3, 8, 0);
  using stack = make('stack', 3, 8, 0);
  for (const n of [1, 2, 3]) {
    queue.push(u64(n));
    stack.push(u64(n));
  }
  assert.throws(() => queue.push(u64(4)), { code: 'SKEP_MAP_OPERATION', message: /full/ });
  assert.equal(asU64(queue.peek()), 1);
  assert.deepEqual(
    [1, 2, 3].map(() => asU64(queue.pop())),
    [1, 2, 3],
  );
  assert.deepEqual(
    [1, 2, 3].map(() => asU64(stack.pop())),
    [3, 2, 1],
  );
  assert.equal(queue.pop(), undefined);
  assert.equal(stack.peek(), undefined);
});

/** All entries of a walk, which must not give one twice. */
async function walked(walk: EntryWalk, keySize: number, valueBytes: number): Promise<Map<number, number>> {
  const all = new Map<number, number>();
  walk.begin();
  while (!walk.ended) {
    const count = await walk.next();
    for (let i = 0; i < count; i++) {
      const key = asU32(walk.keys.subarray(i * keySize, (i + 1) * keySize));
      assert.ok(!all.has(key));
      all.set(key, asU64(walk.values.subarray(i * valueBytes, i * valueBytes + 8)));
    }
  }
  return all;
}

for (const type of ['hash', 'lru_hash', 'percpu_hash', 'lru_percpu_hash', 'array', 'percpu_array'] as const) {
  test(`${type}: a walk in pieces has what a whole read has, also on the pool and key by key`, async () => {
    for (const maxEntries of [5000, 70_000]) {
      using map = make(type, maxEntries);
      const expected = new Map<number, number>();
      if (type.endsWith('array')) for (let i = 0; i < maxEntries; i++) expected.set(i, 0);
      for (let i = 0; i < 4500; i++) {
        map.set(u32(i), map.perCpu ? everyCpu(i * 3) : u64(i * 3));
        expected.set(i, i * 3);
      }
      const shape = { keySize: 4, valueBytes: map.valueBytes, maxEntries, indexed: type.endsWith('array') };
      const failure = (cause: NativeError) => cause;
      const byKey = new Walk({ ...shape, batches: false, fd: () => map.fd, failure });
      const walk = map.walk();
      for (const w of maxEntries > 5000 ? [walk] : [walk, walk, byKey, byKey]) {
        const read = await walked(w, 4, map.valueBytes);
        assert.deepEqual(new Map([...read].sort(([a], [b]) => a - b)), expected);
      }
    }
  });
}

test('a walk takes a bucket that is larger than its pieces, ends early when the map closes, and says so', async () => {
  using map = make('hash', 4, 200_000);
  for (let i = 0; i < 4; i++) map.set(u32(i), new Uint8Array(200_000).fill(i));
  const walk = map.walk();
  const keys: number[] = [];
  walk.begin();
  while (!walk.ended) {
    const count = await walk.next();
    for (let i = 0; i < count; i++) {
      keys.push(asU32(walk.keys.subarray(i * 4, i * 4 + 4)));
      assert.equal(walk.values[(i + 1) * 200_000 - 1], keys.at(-1));
    }
  }
  assert.deepEqual(keys.sort(), [0, 1, 2, 3]);
  walk.begin();
  map.close();
  assert.throws(() => walk.next(), { code: 'SKEP_CLOSED' });
});

test('a walk on the pool survives that the map is closed under it', async () => {
  const map = make('hash', 70_000);
  for (let i = 0; i < 100; i++) map.set(u32(i), u64(i));
  const walk = map.walk();
  walk.begin();
  const pending = walk.next();
  map.close();
  const first = await pending;
  assert.ok(first <= 100);
  if (!walk.ended) assert.throws(() => walk.next(), { code: 'SKEP_CLOSED' });
});

test('a batch read reuses its buffers, and grows them for a map that outgrew them', () => {
  using map = make('hash', 20_000);
  const batch = map.newBatch();
  const small = batch.keys;
  map.set(u32(1), u64(1));
  assert.equal(map.readBatch(batch), 1);
  assert.equal(batch.keys, small);
  for (let i = 0; i < 20_000; i++) map.set(u32(i), u64(i));
  assert.equal(map.readBatch(batch), 20_000);
  const grown = batch.keys;
  const keys = new Uint32Array(grown.buffer, 0, 20_000);
  const values = new BigUint64Array(batch.values.buffer, 0, 20_000);
  assert.equal(new Set(keys).size, 20_000);
  assert.ok(keys.every((k, i) => BigInt(k) === values[i]));
  assert.equal(map.readBatch(batch), 20_000);
  assert.equal(batch.keys, grown);
});

test('key by key, as kernels without batch operations need, gives the same', () => {
  using map = make('hash', 5000);
  for (let i = 0; i < 5000; i++) map.set(u32(i), u64(i * 7));
  const batch = map.newBatch();
  assert.equal(readAll.keyByKey(map.fd, batch, map.maxEntries), 5000);
  const keys = new Uint32Array(batch.keys.buffer, 0, 5000);
  const values = new BigUint64Array(batch.values.buffer, 0, 5000);
  assert.equal(new Set(keys).size, 5000);
  assert.ok(keys.every((k, i) => BigInt(k) * 7n === values[i]));
});

test('a map type without batch operations falls back by itself', () => {
  using traces = BpfMap.create({ type: 'stack_trace', keySize: 4, valueSize: 80, maxEntries: 16 });
  assert.equal(readAll.inBatches(traces.fd, traces.newBatch()), undefined);
  assert.equal(traces.readBatch(traces.newBatch()), 0);
});

test('a batch read takes no buffers that another map was measured for, and mends those that were tampered with', () => {
  using map = make('hash', 2000);
  using wide = make('hash', 2000, 64);
  for (let i = 0; i < 2000; i++) map.set(u32(i), u64(i));
  assert.throws(() => map.readBatch(wide.newBatch()), { code: 'SKEP_ARGUMENT', message: /12 bytes, not 68/ });
  const batch = map.newBatch();
  batch.values = new Uint8Array(8);
  batch.capacity = 1e6;
  assert.equal(map.readBatch(batch), 2000);
  structuredClone(batch.keys.buffer, { transfer: [batch.keys.buffer as ArrayBuffer] });
  assert.equal(map.readBatch(batch), 2000);
  assert.equal(new Set(new Uint32Array(batch.keys.buffer, 0, 2000)).size, 2000);
});

test('a map is not touched when the kernel has it in another size than its definition says', async () => {
  using object = openSource(producers);
  await object.load();
  const perf = object.map('perf'); // 24 bytes a record for readers, 4 + 4 an entry for the kernel
  for (const use of [() => perf.get(u32(0)), () => [...perf], () => perf.pop()]) {
    assert.throws(use, { code: /SKEP_UNSUPPORTED|SKEP_ARGUMENT/ });
  }
  assert.throws(() => [...perf], { code: 'SKEP_UNSUPPORTED', message: /4 \+ 4 bytes.* 0 \+ 24/ });
});

test('while others change a map, a batch read sees each key once, and all that stay', async () => {
  using map = make('hash', 8192);
  for (let i = 0; i < 1000; i++) map.set(u32(i), u64(i));
  const code = `
    const { native } = await import(${JSON.stringify(new URL('../src/native.ts', import.meta.url).href)});
    const { workerData, parentPort } = await import('node:worker_threads');
    const u32 = (n) => new Uint8Array(Uint32Array.of(n).buffer);
    let stop = false;
    parentPort.once('message', () => { stop = true; });
    parentPort.postMessage('begun');
    (function churn() {
      for (let i = 0; i < 4000; i++) native().mapUpdate(workerData, u32(10000 + i), new Uint8Array(8), 0);
      for (let i = 0; i < 4000; i++) native().mapDelete(workerData, u32(10000 + i));
      if (!stop) setImmediate(churn);
    })();`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
    workerData: map.fd,
  });
  await once(worker, 'message');
  const batch = map.newBatch();
  for (let round = 0; round < 50; round++) {
    const count = map.readBatch(batch);
    const keys = new Uint32Array(batch.keys.buffer, 0, count);
    assert.equal(new Set(keys).size, count);
    assert.equal(keys.filter((k) => k < 1000).length, 1000);
  }
  worker.postMessage('stop');
  await once(worker, 'exit');
});

test('wrong lengths, full maps and flags are refused with the reason', () => {
  using map = make('hash', 1);
  assert.throws(() => map.get(new Uint8Array(3)), { code: 'SKEP_ARGUMENT', message: /has 4 bytes, not 3/ });
  assert.throws(() => map.set(u32(1), u32(1)), { code: 'SKEP_ARGUMENT', message: /has 8 bytes, not 4/ });
  map.set(u32(1), u64(1), MapUpdate.noExist);
  assert.throws(() => map.set(u32(1), u64(1), MapUpdate.noExist), {
    code: 'SKEP_MAP_OPERATION',
    message: /there already/,
  });
  assert.throws(() => map.set(u32(2), u64(1)), { code: 'SKEP_MAP_OPERATION', message: /full/ });
  assert.throws(() => map.set(u32(2), u64(1), MapUpdate.exist), {
    code: 'SKEP_MAP_OPERATION',
    message: /not there/,
  });
  assert.throws(() => BpfMap.create({ type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: 5000 }), {
    code: 'SKEP_MAP_CREATE',
    hint: /power of two/,
  });
});

test('a pinned map outlives its handle and is gone with its pin', () => {
  const path = `${ensureBpffs()}/skep_test_${process.pid}`;
  try {
    {
      using map = make('hash');
      map.set(u32(1), u64(42));
      map.pin(path);
      assert.throws(() => map.pin(path), { code: 'SKEP_PIN', message: /already/ });
    }
    using again = BpfMap.openPinned(path);
    assert.equal(asU64(again.get(u32(1))), 42);
    assert.equal(again.type, 'hash');
  } finally {
    rmSync(path, { force: true });
  }
  assert.equal(existsSync(path), false);
  assert.throws(() => BpfMap.openPinned(path), { code: 'SKEP_PIN', message: /Nothing is pinned/ });
  using map = make('hash');
  assert.throws(() => map.pin(`/tmp/skep_test_${process.pid}`), { code: 'SKEP_PIN', hint: /mount -t bpf/ });
});

test('a closed map refuses everything', () => {
  const map = make('hash');
  map.close();
  map.close();
  for (const use of [() => map.get(u32(1)), () => map.set(u32(1), u64(1)), () => [...map], () => map.fd]) {
    assert.throws(use, { code: 'SKEP_CLOSED' });
  }
});
