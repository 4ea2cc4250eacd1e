import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { Btf, Elf, type MapBatch } from '@skep/bpf';
import { Registry } from '../src/series/registry.ts';
import { Rows } from '../src/series/rows.ts';
import { Poll, type PolledMap } from '../src/sources/poll.ts';
import { type MapPlan, planStream } from '../src/streams/plan.ts';
import { build } from './support/probe.ts';

let btf: Btf;
before(async () => {
  btf = Btf.fromElf(
    Elf.parse(
      await build(`
struct poll_key { __u8 a; __u32 b; };
SKEP_HASH(counter_x, struct poll_key, __u64, 64);
SEC("tp/syscalls/sys_enter_getpgid") int calls(void *ctx)
{
	struct poll_key key = {};
	return bpf_map_lookup_elem(&counter_x, &key) != 0;
}`),
    ),
  );
});

/** A map without a kernel: what `entries` says is what a poll reads. */
class FakeMap implements PolledMap {
  readonly type = 'hash';
  readonly maxEntries = 64;
  readonly keySize = 8;
  readonly valueSize = 8;
  readonly valueBytes = 8;
  entries: [padding: number, a: number, b: number, value: bigint][] = [];

  newBatch(): MapBatch {
    const bytes = (): Uint8Array => new Uint8Array(64 * 8);
    return {
      keys: bytes(),
      values: bytes(),
      count: 0,
      keySize: 8,
      valueBytes: 8,
      capacity: 64,
      cursors: [bytes(), bytes()],
    };
  }

  readBatch(into: MapBatch): number {
    const keys = new DataView(into.keys.buffer);
    const values = new DataView(into.values.buffer);
    this.entries.forEach(([padding, a, b, value], i) => {
      keys.setUint32(i * 8, a | (padding << 8), true);
      keys.setUint32(i * 8 + 4, b, true);
      values.setBigUint64(i * 8, value, true);
    });
    return this.entries.length;
  }
}

function polled(maxSeries = 100, name = 'counter_x') {
  const id = (type: string): number => btf.find(type, 'struct')!.id;
  const u64 = btf.find('__u64', 'typedef')!.id;
  const facts = {
    name,
    type: 'hash',
    keySize: 8,
    valueSize: 8,
    maxEntries: 64,
    keyTypeId: id('poll_key'),
    valueTypeId: u64,
  };
  const plan = planStream(facts, {
    id: 0,
    label: name,
    object: 'x.o',
    btf,
    buckets: [],
    lossKnown: true,
  }) as MapPlan;
  const registry = new Registry();
  const rows = new Rows(plan.stream, {
    decoder: plan.decoder,
    labels: plan.labels,
    maxSeries,
    clock: registry,
    nextId: registry.nextId,
  });
  const map = new FakeMap();
  const poll = new Poll({
    plan,
    map,
    rows,
    cpus: 1,
    clock: registry,
    onError: (error) => assert.fail(String(error)),
  });
  const read = (...entries: FakeMap['entries']): Record<string, unknown> => {
    map.entries = entries;
    poll.refresh();
    return Object.fromEntries([...rows].map((r) => [r.labels.map(([, t]) => t).join(), r.value]));
  };
  return { read, rows, registry };
}

test('keys that differ in padding only are one series', () => {
  const { read } = polled();
  assert.deepEqual(read([0, 1, 2, 5n], [255, 1, 2, 7n]), { '1,2': 12 });
  assert.deepEqual(read([0, 1, 2, 6n], [255, 1, 2, 7n]), { '1,2': 13 });
});

test('64-bit counts stay exact and a fall is a reset', () => {
  const { read } = polled();
  assert.deepEqual(read([0, 1, 2, 2n ** 63n]), { '1,2': 2n ** 63n });
  assert.deepEqual(read([0, 1, 2, 2n ** 63n + 1n]), { '1,2': 2n ** 63n + 1n });
  assert.deepEqual(read([0, 1, 2, 3n]), { '1,2': 2n ** 63n + 4n });
});

test('only what changed is marked as changed', () => {
  const { read, rows, registry } = polled();
  read([0, 1, 1, 1n], [0, 2, 2, 2n]);
  registry.tick++;
  read([0, 1, 1, 1n], [0, 2, 2, 9n]);
  assert.deepEqual(
    [...rows].map((r) => r.changedAt),
    [0, 1],
  );
});

test('what left makes room before what came needs it', () => {
  const { read } = polled(2);
  assert.deepEqual(read([0, 1, 1, 1n], [0, 2, 2, 2n]), { '1,1': 1, '2,2': 2 });
  assert.deepEqual(read([0, 3, 3, 3n], [0, 4, 4, 4n]), { '3,3': 3, '4,4': 4 });
  assert.deepEqual(read([0, 3, 3, 3n], [0, 4, 4, 4n], [0, 5, 5, 5n]), { '3,3': 3, '4,4': 4, '': 5 });
});

test('a gauge above the cap takes its share along when it leaves', () => {
  const { read } = polled(1, 'gauge_x');
  assert.deepEqual(read([0, 1, 1, 1n], [0, 2, 2, 20n], [0, 3, 3, 300n]), { '1,1': 1, '': 320 });
  assert.deepEqual(read([0, 1, 1, 1n], [0, 3, 3, 310n]), { '1,1': 1, '': 310 });
});

test('a printed map without room leaves rows out, counts them, and takes them in later', () => {
  const { read, rows } = polled(1, 'print_x');
  assert.deepEqual(read([0, 1, 1, 1n], [0, 2, 2, 2n]), { '1,1': 1 });
  assert.equal(rows.leftOut, 1);
  assert.deepEqual(read([0, 2, 2, 2n]), { '2,2': 2 });
  assert.equal(rows.leftOut, 0);
});
