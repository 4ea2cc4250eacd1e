import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type Run, startRun } from '../src/index.ts';
import { build } from './support/probe.ts';
import { Producer, WATCH } from './support/producer.ts';
import { Collect, rowsOf } from './support/sinks.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';

/** Every prefix on every kind of map. Each call's argument is a; 8 calls, a = 0…7. */
const SOURCE = `${WATCH}
struct both { __u32 k; __u64 value; };
struct le_key { __u32 k; __u64 le; };
struct slot_key { char who[8]; __u32 slot; };
struct pair { __u64 reads; __s64 writes; char note[8]; };
typedef __u32 slot_count;
struct log2 { __u64 sum; slot_count slots[8]; };
SKEP_PERF(print_perf, struct both);
SKEP_PERF(counter_perf, struct both);
SKEP_RINGBUF(gauge_ring, struct both, 65536);
SKEP_RINGBUF(hist_ring, struct le_key, 65536);
struct bytes { __u32 k; bytes_t n SKEP_VALUE; __u32 secret SKEP_PRIVATE; };
SKEP_RINGBUF(counter_bytes, struct bytes, 65536);
struct signed_step { __u32 k; __s64 n SKEP_VALUE; };
SKEP_RINGBUF(counter_signed, struct signed_step, 65536);
SKEP_HASH(counter_below, __u32, __s64, 16);
SKEP_HASH(print_hash, __u32, struct pair, 16);
SKEP_HASH(counter_pair, __u32, struct pair, 16);
SKEP_LRU_HASH(gauge_lru, __u32, __s64, 16);
SKEP_PERCPU_HASH(gauge_cpus, __u32, __u64, 16);
SKEP_ARRAY(counter_array, __u64, 16);
SKEP_PERCPU_ARRAY(counter_one, __u64, 1);
SKEP_ARRAY(print_array, struct pair, 16);
SKEP_HASH(hist_le, struct le_key, __u64, 64);
SKEP_HASH(hist_slot, struct slot_key, __u64, 64);
SKEP_PERCPU_HASH(hist_slots, __u32, struct log2, 16);
SKEP_ARRAY(hist_array, __u64, 10);
SKEP_HASH(hist_sampled, __u32, __u64, 16);
SKEP_MAP(print_trace, BPF_MAP_TYPE_STACK_TRACE, __u32, kernel_stack_t, 16);
SEC("tp/syscalls/sys_enter_getpgid") int calls(struct trace_event_raw_sys_enter *ctx)
{
	long a = argument(ctx);
	__u32 k = a & 1, a32 = a & 15, zero = 0;
	if (a < 0) return 0;
	struct both both = { .k = k, .value = a * 10 };
	bpf_perf_event_output(ctx, &print_perf, BPF_F_CURRENT_CPU, &both, sizeof(both));
	bpf_perf_event_output(ctx, &counter_perf, BPF_F_CURRENT_CPU, &both, sizeof(both));
	struct both *gauge = skep_reserve(gauge_ring, struct both);
	if (gauge) { *gauge = both; skep_submit(gauge); }
	struct le_key *le = skep_reserve(hist_ring, struct le_key);
	if (le) { le->k = k; le->le = a * 10; skep_submit(le); }
	struct bytes *bytes = skep_reserve(counter_bytes, struct bytes);
	if (bytes) { bytes->k = k; bytes->n = 1000; bytes->secret = a; skep_submit(bytes); }
	struct pair pair = { .reads = a, .writes = -a, .note = "hey" };
	bpf_map_update_elem(&print_hash, &k, &pair, 0);
	bpf_map_update_elem(&print_array, &k, &pair, 0);
	struct pair *sums = bpf_map_lookup_elem(&counter_pair, &k);
	if (sums) { sums->reads += 2; sums->writes += 1; }
	else { struct pair first = { .reads = 2, .writes = 1 }; bpf_map_update_elem(&counter_pair, &k, &first, 0); }
	__s64 minus = -a;
	bpf_map_update_elem(&gauge_lru, &k, &minus, 0);
	bpf_map_update_elem(&counter_below, &k, &minus, 0);
	struct signed_step *step = skep_reserve(counter_signed, struct signed_step);
	if (step) { step->k = k; step->n = k ? -5 : 2; skep_submit(step); }
	__u64 value = a;
	bpf_map_update_elem(&gauge_cpus, &k, &value, 0);
	bpf_map_update_elem(&hist_sampled, &k, &value, 0);
	__u64 *count = bpf_map_lookup_elem(&counter_array, &a32);
	if (count) *count += 1;
	count = bpf_map_lookup_elem(&counter_one, &zero);
	if (count) *count += 1;
	struct le_key lekey = {}; lekey.k = k; lekey.le = a * 10;
	skep_add(&hist_le, &lekey, 3);
	struct slot_key slotkey = {}; __builtin_memcpy(slotkey.who, "me", 3); slotkey.slot = skep_log2(a);
	skep_add(&hist_slot, &slotkey, 1);
	struct log2 *slots = bpf_map_lookup_elem(&hist_slots, &k);
	if (!slots) { struct log2 none = {}; bpf_map_update_elem(&hist_slots, &k, &none, 0); slots = bpf_map_lookup_elem(&hist_slots, &k); }
	if (slots) { slots->sum += a; slots->slots[skep_slot(a, 8)] += 1; }
	__u32 s = skep_log2(a);
	count = bpf_map_lookup_elem(&hist_array, &s);
	if (count) *count += 1;
	return 0;
}`;

let bytes: Uint8Array;
before(async () => {
  if (!skip) bytes = await build(SOURCE);
});

function histogram(run: Run, map: string, label: string) {
  const stream = run.streams.find((s) => s.map === map)!;
  const row = [...run.series.of(stream)].find((s) => s.labels.map(([, t]) => t).join(',') === label)!;
  const h = row.histogram!;
  return { bounds: h.bounds, counts: Array.from(h.counts), count: h.count, sum: h.sum };
}

test('every prefix on every kind of map yields what the table in the README says', { skip }, async () => {
  using producer = new Producer();
  const sink = new Collect();
  const run = await startRun({
    name: 'kinds',
    objects: [{ name: 'kinds.o', bytes }],
    params: { target_pid: String(producer.pid) },
    histBuckets: ['hist_ring,[0,25,50]', 'hist_le,[30]', 'hist_sampled,[0,100]'],
    sinks: [sink],
  });
  await producer.produce(8, 8);
  await sink.until(8);
  await run.series.refresh();
  const summary = await run.stop();

  const belowZero = 'numbers below zero counted nothing, as a counter only grows; a gauge_ map shows them';
  assert.deepEqual(summary.notes, [
    'map print_trace is not shown: no rows are read from a map of type stack_trace',
    `counter_below: ${belowZero}`,
    `counter_signed: ${belowZero}`,
  ]);
  assert.deepEqual(summary.lost, []);
  assert.equal(summary.decodeErrors, 0);
  assert.deepEqual(
    sink.records.map((r) => r.data).sort((a, b) => Number(a.value) - Number(b.value)),
    Array.from({ length: 8 }, (_, a) => ({ k: a % 2, value: a * 10 })),
  );
  const rows = async (map: string) => Object.fromEntries(await rowsOf(run, map));
  assert.equal((await rowsOf(run, 'counter_perf')).size, 8);
  assert.deepEqual(await rows('gauge_ring'), { 0: '60', 1: '70' });
  assert.deepEqual(await rows('counter_bytes'), { 0: '4000', 1: '4000' });
  assert.deepEqual(await rows('print_hash'), { 0: '6,-6,hey', 1: '7,-7,hey' });
  assert.deepEqual(await rows('print_array'), { 0: '6,-6,hey', 1: '7,-7,hey' });
  assert.deepEqual(await rows('counter_pair'), { 0: '8,4', 1: '8,4' });
  assert.deepEqual(await rows('counter_signed'), { 0: '8', 1: '0' }, 'a counter never goes back');
  assert.deepEqual(await rows('counter_below'), { 0: '0', 1: '0' });
  assert.deepEqual(await rows('gauge_lru'), { 0: '-6', 1: '-7' });
  assert.deepEqual(await rows('counter_array'), {
    0: '1',
    1: '1',
    2: '1',
    3: '1',
    4: '1',
    5: '1',
    6: '1',
    7: '1',
  });
  assert.deepEqual(await rows('counter_one'), { '': '8' });
  assert.deepEqual(histogram(run, 'hist_ring', '0'), {
    bounds: [0, 25, 50],
    counts: [1, 1, 1, 1],
    count: 4,
    sum: 120,
  });
  assert.deepEqual(histogram(run, 'hist_le', '1'), { bounds: [30], counts: [6, 6], count: 12, sum: 3 * 160 });
  const slot = histogram(run, 'hist_slot', 'me');
  assert.deepEqual([slot.counts.slice(0, 4), slot.count, slot.sum], [[2, 2, 4, 0], 8, undefined]);
  assert.deepEqual(histogram(run, 'hist_slots', '1'), {
    bounds: [1, 3, 7, 15, 31, 63, 127],
    counts: [1, 1, 2, 0, 0, 0, 0, 0],
    count: 4,
    sum: 16,
  });
  assert.deepEqual(histogram(run, 'hist_array', '').counts.slice(0, 4), [2, 2, 4, 0]);
  assert.equal(histogram(run, 'hist_sampled', '0').count >= 1, true);
  const fields = run.streams
    .find((s) => s.map === 'counter_bytes')!
    .fields.map((f) => [f.name, f.role, f.unit]);
  assert.deepEqual(fields, [
    ['k', 'label', undefined],
    ['value', 'value', 'bytes'],
  ]);
});
