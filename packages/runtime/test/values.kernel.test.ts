import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { before, test } from 'node:test';
import { MetricsServer, prometheusText, type Run, type Sink, seriesData, startRun } from '../src/index.ts';
import { build } from './support/probe.ts';
import { Producer, WATCH } from './support/producer.ts';
import { Collect, rowsOf } from './support/sinks.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';

/** Values that need care: typed, nested, below zero, yes or no. */
const SOURCE = `${WATCH}
struct at { struct { __u32 port; ipv4_addr addr; } peer; errno_t error; char note[8]; };
struct who { struct { __u32 uid; } peer; };
struct rest { __u32 k; __u32 more[]; };
SKEP_HASH(print_at, __u32, struct at, 4);
SKEP_HASH(print_who, struct who, struct at, 4);
SKEP_HASH(counter_debt, __u32, __s64, 4);
SKEP_HASH(counter_back, __u32, __s64, 4);
SKEP_HASH(gauge_up, __u32, bool, 4);
SKEP_RINGBUF(counter_rest, struct rest, 4096);
struct taken { __u64 count; __u64 sum; __u64 took_us; };
SKEP_HASH(gauge_taken, __u32, struct taken, 4);
SKEP_HASH(counter_taken, __u32, struct taken, 4);
struct slots { __u64 slots[8]; };
SKEP_ARRAY(hist_slots, struct slots, 1);
struct sent_path { __u32 k; char text[64]; };
SKEP_RINGBUF(print_path, struct sent_path, 4096);
SKEP_PERF(print_perf, struct sent_path);
SKEP_RINGBUF(counter_path, struct sent_path, 4096);
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __uint(key_size, 4); __type(value, __u64); } counter_untyped SEC(".maps");
struct subnet { __u32 length; ipv4_addr addr; };
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2);
	__type(key, struct subnet);
	__type(value, __u64);
} counter_nets SEC(".maps");
SEC("tp/syscalls/sys_enter_getpgid") int calls(struct trace_event_raw_sys_enter *ctx)
{
	long a = argument(ctx);
	__u32 k = 1;
	if (a < 0) return 0;
	struct at at = { .peer = { .port = 80, .addr = bpf_htonl(0x0a000001) }, .error = -2, .note = "hey" };
	bpf_map_update_elem(&print_at, &k, &at, 0);
	struct who who = { .peer = { .uid = 7 } };
	bpf_map_update_elem(&print_who, &who, &at, 0);
	__s64 debt = a == 0 ? -5 : 3;
	bpf_map_update_elem(&counter_debt, &k, &debt, 0);
	__s64 back = a == 0 ? 5 : -3;
	bpf_map_update_elem(&counter_back, &k, &back, 0);
	bool up = true;
	bpf_map_update_elem(&gauge_up, &k, &up, 0);
	__u64 *count = bpf_map_lookup_elem(&counter_untyped, &k);
	if (count) *count += 1;
	struct subnet nets[] = { { 8, bpf_htonl(0x0a000000) }, { 24, bpf_htonl(0x0a000100) } };
	__u64 seven = 7;
	bpf_map_update_elem(&counter_nets, &nets[0], &seven, 0);
	bpf_map_update_elem(&counter_nets, &nets[1], &seven, 0);
	struct taken taken = { 1, 2, 3000000 };
	bpf_map_update_elem(&gauge_taken, &k, &taken, 0);
	bpf_map_update_elem(&counter_taken, &k, &taken, 0);
	struct sent_path path = { .k = 9, .text = "/etc/passwd" };
	bpf_ringbuf_output(&print_path, &path, sizeof(path), 0);
	bpf_ringbuf_output(&print_path, &path, 8, 0);
	bpf_ringbuf_output(&print_path, &path, 4, 0);
	bpf_ringbuf_output(&print_path, &path, 3, 0);
	bpf_perf_event_output(ctx, &print_perf, BPF_F_CURRENT_CPU, &path, 16);
	bpf_ringbuf_output(&counter_path, &path, 16, 0);
	struct { __u32 k, more; } rest = { 1, 2 };
	bpf_ringbuf_output(&counter_rest, &rest, sizeof(rest), 0);
	return 0;
}`;

let bytes: Uint8Array;
before(async () => {
  if (!skip) bytes = await build(SOURCE);
});

async function started(producer: Producer, ...sinks: Sink[]): Promise<Run> {
  return startRun({
    name: 'values',
    objects: [{ name: 'values.o', bytes }],
    params: { target_pid: String(producer.pid) },
    sinks,
    // No tick: what is read is fresh.
    intervalMs: 3_600_000,
  });
}

const dataOf = (run: Run, map: string) =>
  [...run.series.of(run.streams.find((s) => s.map === map)!)].map(seriesData);

test('an entry of a map is spelled and nested as a record is', { skip }, async () => {
  using producer = new Producer();
  const run = await started(producer);
  await producer.produce(1);
  await run.stop();
  const at = { error: 'ENOENT', note: 'hey' };
  const peer = { port: 80, addr: '10.0.0.1' };
  assert.deepEqual(dataOf(run, 'print_at'), [{ key: 1, peer, ...at }]);
  assert.deepEqual(dataOf(run, 'print_who'), [{ peer: { uid: 7, ...peer }, ...at }]);
  assert.deepEqual(
    [...run.series.of(run.streams.find((s) => s.map === 'print_who')!)].map((s) => s.data),
    [{ peer: { uid: 7 } }],
    'the key stays as it is',
  );
});

test('yes is a number where there is no other, and an array without a length is no label', {
  skip,
}, async () => {
  using producer = new Producer();
  const run = await started(producer);
  await producer.produce(2);
  await run.series.refresh();
  const text = await prometheusText(run);
  await run.stop();
  for (const line of ['skep_up{key="1"} 1', 'skep_rest_total{k="1"} 2'])
    assert.ok(text.split('\n').includes(line), `${line}\nis missing in\n${text}`);
});

test('what is below zero counts nothing, before it, after it, and the run says so', { skip }, async () => {
  using producer = new Producer();
  const run = await started(producer);
  await producer.produce(1);
  assert.deepEqual([...(await rowsOf(run, 'counter_debt'))], [['1', '0']]);
  assert.deepEqual([...(await rowsOf(run, 'counter_back'))], [['1', '5']]);
  await producer.produce(2, 2);
  const { notes } = await run.stop();
  assert.deepEqual([...(await rowsOf(run, 'counter_debt'))], [['1', '3']]);
  assert.deepEqual([...(await rowsOf(run, 'counter_back'))], [['1', '5']]);
  const said = (map: string) =>
    `${map}: numbers below zero counted nothing, as a counter only grows; a gauge_ map shows them`;
  const ofCounters = notes.filter((note) => note.startsWith('counter_'));
  assert.deepEqual(ofCounters, [said('counter_debt'), said('counter_back')]);
});

test('an array says what its key is, and a trie of addresses has rows', { skip }, async () => {
  using producer = new Producer();
  const run = await started(producer);
  await producer.produce(2);
  assert.deepEqual([...(await rowsOf(run, 'counter_untyped'))], [['1', '2']]);
  const nets = await rowsOf(run, 'counter_nets');
  const { foundFull } = await run.stop();
  assert.deepEqual([...nets].sort(), [
    ['24,10.0.1.0', '7'],
    ['8,10.0.0.0', '7'],
  ]);
  assert.ok(foundFull.counter_nets! > 0, 'it holds two');
});

test('a record may end within its last member, an array, and not before', { skip }, async () => {
  using producer = new Producer();
  const sink = new Collect();
  const run = await started(producer, sink);
  await producer.produce(1);
  await sink.until(4);
  const { events, lost, notes } = await run.stop();
  const texts = (map: string) => sink.records.filter((r) => r.map === map).map((r) => r.data);
  assert.deepEqual(
    texts('print_path'),
    ['/etc/passwd', '/etc', ''].map((text) => ({ k: 9, text })),
  );
  assert.deepEqual(texts('print_perf'), [{ k: 9, text: '/etc/passwd' }]);
  assert.deepEqual([...(await rowsOf(run, 'counter_path'))], [['9,/etc/passwd', '1']]);
  assert.equal(events.print_path, 4);
  assert.deepEqual(lost, [{ map: 'print_path', reason: 'short_record', count: 1 }]);
  const short = notes.filter((note) => note.startsWith('print_path: '));
  assert.match(
    short.join(),
    /^print_path: records of \d bytes came, and its __type\(value, …\) has \d+: [^,]+$/,
  );
});

test('members called count and sum are told apart, and one called took_us is in seconds', {
  skip,
}, async () => {
  using producer = new Producer();
  const run = await started(producer);
  await producer.produce(1);
  const text = await prometheusText(run);
  await run.stop();
  const lines = text.split('\n').filter((line) => /^skep_taken/.test(line));
  assert.deepEqual(lines.sort(), [
    'skep_taken_count_current{key="1"} 1',
    'skep_taken_count_total{key="1"} 1',
    'skep_taken_sum_current{key="1"} 2',
    'skep_taken_sum_total{key="1"} 2',
    'skep_taken_took_seconds_current{key="1"} 3',
    'skep_taken_took_seconds_total{key="1"} 3',
  ]);
  const check = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  if (check.error === undefined) assert.equal(check.stderr + check.stdout, '');
});

test('a histogram without a sum is not told in OpenMetrics, which has no count of such a one', {
  skip,
}, async () => {
  using producer = new Producer();
  const metrics = new MetricsServer({ port: 0, required: true });
  const run = await started(producer, metrics);
  assert.ok(metrics.status.listening);
  const headers = { accept: 'application/openmetrics-text;version=1.0.0', connection: 'close' };
  const response = await fetch(metrics.status.url, { headers });
  const text = await response.text();
  await run.stop();
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  assert.match(text, /^skep_slots_count 0$/m);
});
