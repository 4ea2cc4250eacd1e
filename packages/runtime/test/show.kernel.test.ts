/** Maps of programs that know nothing of skep: what is asked for by name is shown. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { prometheusText, type Run, startRun } from '../src/index.ts';
import { build } from './support/probe.ts';
import { Producer, WATCH } from './support/producer.ts';
import { Collect, rowsOf } from './support/sinks.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';

/** As others write them: buffers do not say what they hold. */
const SOURCE = `${WATCH}
struct event { __u32 number; char text[8]; };
struct event *unused_event __attribute__((unused));
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } events SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); } perf_events SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 4); __type(key, __u32); __type(value, __u64); } stats SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 64); __type(key, __u32); __type(value, struct event); } last SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 8); __type(key, __u32); __type(value, __u64); } slots SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_STACK_TRACE); __uint(max_entries, 8); __uint(key_size, 4); __uint(value_size, 1016); } traces SEC(".maps");
SKEP_ARRAY(counter_own, __u64, 1);
SKEP_ARRAY(last_lost, __u64, 1);
SEC("tp/syscalls/sys_enter_getpgid") int calls(struct trace_event_raw_sys_enter *ctx)
{
	long a = argument(ctx);
	if (a < 0) return 0;
	struct event event = { .number = a, .text = "hey" };
	__u32 key = a & 3, zero = 0;
	__u64 *count = bpf_map_lookup_elem(&stats, &key);
	if (count) *count += 1;
	count = bpf_map_lookup_elem(&slots, &key);
	if (count) *count += 1;
	count = bpf_map_lookup_elem(&counter_own, &zero);
	if (count) *count += 1;
	bpf_map_update_elem(&last, &key, &event, 0);
	bpf_ringbuf_output(&events, &event, sizeof(event), 0);
	bpf_perf_event_output(ctx, &perf_events, BPF_F_CURRENT_CPU, &event, sizeof(event));
	return bpf_get_stackid(ctx, &traces, 0) & 0;
}`;

let bytes: Uint8Array;
before(async () => {
  if (!skip) bytes = await build(SOURCE);
});

async function started(producer: Producer, show: string[], collect = new Collect()): Promise<Run> {
  return startRun({
    name: 'foreign',
    objects: [{ name: 'foreign.o', bytes }],
    params: { target_pid: String(producer.pid) },
    show,
    sinks: [collect],
    intervalMs: 3_600_000,
  });
}

test('maps are shown as what is asked for, under their own names, beside those that have a prefix', {
  skip,
}, async () => {
  using producer = new Producer();
  const run = await started(producer, ['last', 'counter=stats', 'hist=slots']);
  await producer.produce(6, 3);
  const rows = async (map: string) => Object.fromEntries(await rowsOf(run, map));
  assert.deepEqual(await rows('stats'), { 0: '2', 1: '2', 2: '2' });
  assert.deepEqual(await rows('last'), { 0: '0,hey', 1: '1,hey', 2: '2,hey' });
  const text = (await prometheusText(run)).split('\n');
  await run.stop();
  for (const line of ['stats_total{key="1"} 2', 'own_total 6', 'slots_count 6'])
    assert.ok(
      text.some((l) => l.includes(line)),
      `${line}\nis missing in\n${text.join('\n')}`,
    );
  assert.deepEqual(run.streams.map((s) => `${s.kind} ${s.map}`).sort(), [
    'counter counter_own',
    'counter stats',
    'hist slots',
    'print last',
  ]);
});

test('records of buffers are those of the struct that is named, and all of them come', { skip }, async () => {
  using producer = new Producer();
  const collect = new Collect();
  const run = await started(producer, ['events:event', 'perf_events:event'], collect);
  await producer.produce(5, 5);
  await run.stop();
  for (const map of ['events', 'perf_events'])
    assert.deepEqual(
      collect.records.filter((r) => r.map === map).map((r) => r.data),
      [0, 1, 2, 3, 4].map((number) => ({ number, text: 'hey' })),
      map,
    );
});

test('what cannot be shown is refused before anything is loaded, with what there is', { skip }, async () => {
  using producer = new Producer();
  for (const [show, message, hint] of [
    [
      'nothing',
      /there is no map "nothing"/,
      /^Maps: stats, slots, counter_own, last, events, perf_events and last_lost\.$/,
    ],
    ['traces', /no rows are read from a map of type stack_trace/, /Maps: /],
    ['table=stats', /a map is needed/, /print, counter, gauge, hist/],
    ['', /a map is needed/, /counter=calls/],
    ['events:nothing', /foreign\.o has no struct nothing/, /Name the struct/],
  ] as const)
    await assert.rejects(started(producer, [show]), (e: Error & { code: string; hint: string }) => {
      assert.equal(e.code, 'SKEP_SHOW_INVALID', show);
      assert.match(e.message, message);
      assert.match(e.hint, hint);
      return true;
    });
  await assert.rejects(started(producer, ['events']), {
    code: 'SKEP_STREAM_INVALID',
    hint: /--show events:STRUCT/,
  });
});

test('of several probes each has its own maps shown, and a flag counts for all', { skip }, async () => {
  using producer = new Producer();
  const unit = (probe: string, show: string[]) => ({ name: 'foreign.o', bytes, probe, show });
  const run = await startRun({
    name: 'two',
    objects: [unit('one', ['gauge=stats']), unit('other', ['counter=stats', 'counter=slots'])],
    params: { target_pid: String(producer.pid) },
    show: ['print=slots'],
    sinks: [],
  });
  await run.stop();
  const shown = run.streams.filter((s) => !s.map.startsWith('counter_own'));
  assert.deepEqual(shown.map((s) => `${s.probe} ${s.kind} ${s.map}`).sort(), [
    'one gauge stats@one',
    'one print slots@one',
    'other counter stats@other',
    'other print slots@other',
  ]);
  await assert.rejects(startRun({ name: 'one', objects: [unit('one', ['nothing'])], sinks: [] }), {
    code: 'SKEP_SHOW_INVALID',
  });
});

test('a count of losses is shown, too, when somebody asks for it', { skip }, async () => {
  using producer = new Producer();
  const run = await started(producer, ['gauge=last_lost']);
  await run.stop();
  assert.deepEqual(run.streams.map((s) => s.map).sort(), ['counter_own', 'last_lost']);
});

test('a run with nothing to show says how it would', { skip }, async () => {
  const none = await build(
    'SKEP_HASH(seen, __u32, __u64, 4);\nSEC("tp/syscalls/sys_enter_getpgid") int calls(void *ctx) { return bpf_map_lookup_elem(&seen, &(__u32){ 0 }) != 0 && 0; }',
  );
  const run = await startRun({ name: 'none', objects: [{ name: 'none.o', bytes: none }], sinks: [] });
  await run.stop();
  assert.match(run.stats().notes.join('\n'), /nothing to show: .*--show seen shows it all the same/);
});
