import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startRun } from '../src/index.ts';
import { build } from './support/probe.ts';
import { Producer, WATCH } from './support/producer.ts';
import { rowsOf } from './support/sinks.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';

/** Counts calls by their argument, in a hash of eight entries. */
const counting = (program: string, map: string) => `${WATCH}
${map}
SEC("tp/syscalls/sys_enter_getpgid") int ${program}(struct trace_event_raw_sys_enter *ctx)
{
	long arg = argument(ctx);
	__u32 key = arg;

	if (arg >= 0)
		skep_add(&counter_args, &key, 1);
	return 0;
}`;

async function count(sources: readonly string[]): Promise<{ counted: number; keys: number; lost: unknown }> {
  using producer = new Producer();
  const objects = await Promise.all(
    sources.map(async (source, i) => ({ name: `${i}.o`, bytes: await build(source) })),
  );
  const params = { target_pid: String(producer.pid) };
  const run = await startRun({ name: 'losses', objects, params, sinks: [] });
  await producer.produce(1000, 20);
  const { lost } = await run.stop();
  const values = [...(await rowsOf(run, 'counter_args')).values()].map(Number);
  return { counted: values.reduce((a, b) => a + b, 0), keys: values.length, lost };
}

test('a hash too small: what it counted and what the probe counted as lost is what happened', {
  skip,
}, async () => {
  const kinds = ['SKEP_HASH', 'SKEP_PERCPU_HASH'];
  for (const kind of kinds) {
    const result = await count([counting('calls', `${kind}(counter_args, __u32, __u64, 8);`)]);
    assert.deepEqual(
      result,
      { counted: 400, keys: 8, lost: [{ map: 'counter_args', reason: 'map_full', count: 600 }] },
      kind,
    );
  }
});

test('objects that share a hash that is full have each counted their part', { skip }, async () => {
  const map = 'SKEP_HASH(counter_args, __u32, __u64, 8) SKEP_SHARED;';
  const result = await count([counting('one', map), counting('other', map)]);
  assert.deepEqual(result.lost, [{ map: 'counter_args', reason: 'map_full', count: 1200 }]);
  assert.equal(result.counted, 800);
});

test('a hash with room has lost nothing', { skip }, async () => {
  const { counted, lost } = await count([counting('calls', 'SKEP_HASH(counter_args, __u32, __u64, 20);')]);
  assert.deepEqual({ counted, lost }, { counted: 1000, lost: [] });
});

/** The same with a map that no macro of ours declared. */
const foreign = (entries: number) => `${WATCH}
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, ${entries}); __type(key, __u32); __type(value, __u64); } counter_args SEC(".maps");
SEC("tp/syscalls/sys_enter_getpgid") int calls(struct trace_event_raw_sys_enter *ctx)
{
	__u32 key = argument(ctx);
	__u64 one = 1;

	if (argument(ctx) >= 0)
		bpf_map_update_elem(&counter_args, &key, &one, BPF_ANY);
	return 0;
}`;

test('a hash of another author that was found full is not said to have lost nothing', { skip }, async () => {
  for (const [entries, unknown] of [
    [8, ['counter_args']],
    [21, []],
  ] as const) {
    using producer = new Producer();
    const objects = [{ name: 'foreign.o', bytes: await build(foreign(entries)) }];
    const params = { target_pid: String(producer.pid) };
    const run = await startRun({ name: 'foreign', objects, params, sinks: [] });
    await producer.produce(100, 20);
    const { lost, lossUnknown, foundFull } = await run.stop();
    assert.deepEqual([lost, lossUnknown, Object.keys(foundFull)], [[], unknown, unknown]);
  }
});

test('a counter of losses may be of two bytes, and an array of several is none', { skip }, async () => {
  using producer = new Producer();
  const bytes = await build(`${WATCH}
struct call { __u64 arg; };
#define MAP(name, kind, key_type, value_type, entries) struct { __uint(type, kind); __uint(max_entries, entries); __type(key, key_type); __type(value, value_type); } name SEC(".maps")
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); __type(value, struct call); } print_calls SEC(".maps");
MAP(print_calls_lost, BPF_MAP_TYPE_ARRAY, __u32, __u16, 1);
MAP(counter_args, BPF_MAP_TYPE_HASH, __u32, __u64, 8);
MAP(counter_args_lost, BPF_MAP_TYPE_ARRAY, __u32, __u64, 4);
SEC("tp/syscalls/sys_enter_getpgid") int calls(struct trace_event_raw_sys_enter *ctx)
{
	struct call call = { .arg = argument(ctx) };
	__u32 first = 0, third = 2;
	if ((long)call.arg < 0 || !bpf_ringbuf_output(&print_calls, &call, sizeof(call), BPF_RB_NO_WAKEUP))
		return 0;
	__u16 *lost = bpf_map_lookup_elem(&print_calls_lost, &first);
	if (lost) *lost += 1;
	__u64 *more = bpf_map_lookup_elem(&counter_args_lost, &third);
	if (more) *more += 1;
	return 0;
}`);
  const objects = [{ name: 'counts.o', bytes }];
  const params = { target_pid: String(producer.pid) };
  const run = await startRun({ name: 'counts', objects, params, sinks: [], intervalMs: 3_600_000 });
  await producer.produce(1000);
  const shown = [...(await rowsOf(run, 'counter_args_lost'))];
  const { lost, events } = await run.stop();
  const refused = 1000 - events.print_calls!;
  assert.ok(refused > 0);
  assert.deepEqual(lost, [{ map: 'print_calls', reason: 'ring_full', count: refused }]);
  assert.deepEqual(shown, [['2', String(refused)]]);
});
