import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { startRun } from '../src/index.ts';
import { build } from './support/probe.ts';
import { Producer, WATCH } from './support/producer.ts';
import { Collect, rowsOf } from './support/sinks.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';

let object: { name: string; bytes: Uint8Array };

before(async () => {
  if (skip) return;
  const bytes = await build(`${WATCH}
struct call_event { __u8 one; __u64 arg; char comm[16]; };
struct call_key { __u8 pad_before; __u32 k; };
SKEP_RINGBUF(print_calls, struct call_event, 1 << 20);
SKEP_RINGBUF(counter_calls, struct call_key, 1 << 20);
SKEP_HASH(counter_map, struct call_key, __u64, 64);
SKEP_PERCPU_HASH(counter_cpus, __u32, __u64, 64);
SEC("tp/syscalls/sys_enter_getpgid") int calls(struct trace_event_raw_sys_enter *ctx)
{
	long arg = argument(ctx);
	struct call_event *e;
	struct call_key *k, key = {};
	__u32 number = arg;
	if (arg < 0) return 0;
	e = skep_reserve(print_calls, struct call_event);
	if (e) {
		e->one = 1; e->arg = arg; bpf_get_current_comm(e->comm, sizeof(e->comm));
		skep_submit(e);
	}
	k = skep_reserve(counter_calls, struct call_key);
	if (k) { k->pad_before = 7; k->k = arg; skep_submit(k); }
	key.k = arg;
	skep_add(&counter_map, &key, 1);
	skep_add(&counter_cpus, &number, 1);
	return 0;
}`);
  object = { name: 'calls.o', bytes };
});

test('records, ring counters and map counters agree with what was done', { skip }, async () => {
  using producer = new Producer();
  const sink = new Collect();
  const run = await startRun({
    name: 'calls',
    objects: [object],
    params: { target_pid: String(producer.pid) },
    sinks: [sink],
  });
  await producer.produce(1000, 4);
  await sink.until(1000);
  const summary = await run.stop();
  assert.deepEqual(sink.records[5]!.data, { one: 1, arg: 1, comm: 'perl' });
  assert.equal(sink.records.length, 1000);
  assert.deepEqual(summary.events, { print_calls: 1000, counter_calls: 1000 });
  assert.deepEqual(summary.lost, []);
  assert.deepEqual(summary.lossUnknown, []);
  const four = (prefix: string) => new Map([0, 1, 2, 3].map((i) => [`${prefix}${i}`, '250']));
  assert.deepEqual(await rowsOf(run, 'counter_calls'), four('7,'));
  assert.deepEqual(await rowsOf(run, 'counter_map'), four('0,'));
  assert.deepEqual(await rowsOf(run, 'counter_cpus'), four(''));
  assert.equal(summary.programs[0]!.runs >= 1000n, true);
});
