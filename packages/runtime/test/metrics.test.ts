import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { afterEach, before, test } from 'node:test';
import { MetricsServer, prometheusText, type Run, type RunStats, startRun } from '../src/index.ts';
import { SELF_FAMILIES, selfMetrics } from '../src/prom/self.ts';
import { build } from './support/probe.ts';
import { Producer, WATCH } from './support/producer.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';

let bytes: Uint8Array;
before(async () => {
  if (skip) return;
  bytes = await build(`${WATCH}
struct who { char comm[16]; __u32 arg; };
struct op { __u32 arg; __u64 le; };
struct io { __u64 reads; bytes_t written SKEP_HELP("what was written"); };
SKEP_RINGBUF(counter_callsSeen, struct who, 65536) SKEP_HELP("calls \\"seen\\" by \\\\me");
SKEP_RINGBUF(hist_op_time_us, struct op, 65536) SKEP_HELP("how long an op takes");
SKEP_HASH(counter_io, struct who, struct io, 64);
SKEP_HASH(gauge_open, __u32, __s64, 64);
SKEP_HASH(gauge_io_reads, __u32, __s64, 64);
SKEP_HASH(gauge_took, duration_ns, __u64, 64);
SKEP_HASH(counter_slept_ms_total, __u32, __u64, 4);
SKEP_HASH(counter_run_events, __u32, __u64, 4);
SEC("tp/syscalls/sys_enter_getpgid") int calls(struct trace_event_raw_sys_enter *ctx)
{
	long arg = argument(ctx);
	if (arg < 0) return 0;
	struct who key = { .comm = "a\\"b\\\\c\\n", .arg = arg };
	struct who *w = skep_reserve(counter_callsSeen, struct who);
	if (w) { *w = key; skep_submit(w); }
	struct op *op = skep_reserve(hist_op_time_us, struct op);
	if (op) { op->arg = arg; op->le = 15; skep_submit(op); }
	struct io io = { .reads = 1ull << 60, .written = 4096 };
	bpf_map_update_elem(&counter_io, &key, &io, 0);
	__u32 k = arg; __s64 v = -5;
	bpf_map_update_elem(&gauge_open, &k, &v, 0);
	bpf_map_update_elem(&gauge_io_reads, &k, &v, 0);
	__u64 slept = 1500;
	bpf_map_update_elem(&counter_slept_ms_total, &k, &slept, 0);
	duration_ns took = 1500000 + arg; __u64 one = 1;
	bpf_map_update_elem(&gauge_took, &took, &one, 0);
	return 0;
}`);
});

let run: Run | undefined;
afterEach(async () => {
  await run?.stop();
});

async function started(producer: Producer, metrics: MetricsServer): Promise<Run> {
  run = await startRun({
    name: 'calls',
    objects: [{ name: 'calls.o', bytes }],
    params: { target_pid: String(producer.pid) },
    sinks: [metrics],
  });
  await producer.produce(6, 2);
  await new Promise((resolve) => setTimeout(resolve, 60)); // a batch later than the rings' longest sleep
  return run;
}

/**
 * Asks over a connection of its own. A machine that is starved for ten seconds, as emulated ones are, would find the
 * server's timer for a connection that is kept run out before it reads what was asked on it, and close it.
 */
const ask = (url: string | URL, { headers = {}, ...init }: { method?: string; headers?: object } = {}) =>
  fetch(url, { ...init, headers: { ...headers, connection: 'close' } });

test('what is scraped passes promtool and has units, help and exact numbers', { skip }, async () => {
  using producer = new Producer();
  const metrics = new MetricsServer({ port: 0, required: true });
  await started(producer, metrics);
  assert.ok(metrics.status.listening);
  const { url } = metrics.status;
  const response = await ask(url);
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  const text = await response.text();
  const check = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  if (check.error === undefined) assert.equal(check.stderr + check.stdout, '');
  for (const line of [
    '# HELP skep_calls_seen_total calls "seen" by \\\\me',
    '# TYPE skep_calls_seen_total counter',
    'skep_calls_seen_total{comm="a\\"b\\\\c\\n",arg="0"} 3',
    '# TYPE skep_op_time_seconds histogram',
    'skep_op_time_seconds_bucket{arg="1",le="0.00001"} 0',
    'skep_op_time_seconds_bucket{arg="1",le="0.00002"} 3',
    'skep_op_time_seconds_bucket{arg="1",le="+Inf"} 3',
    'skep_op_time_seconds_sum{arg="1"} 0.000045',
    'skep_op_time_seconds_count{arg="1"} 3',
    'skep_io_reads_total{comm="a\\"b\\\\c\\n",arg="1"} 1152921504606846976',
    '# HELP skep_io_written_bytes_total what was written',
    'skep_open{key="0"} -5',
    'skep_io_reads_current{key="0"} -5',
    'skep_slept_seconds_total{key="0"} 1.5',
    'skep_took{key="1500000"} 1',
    'skep_took{key="1500001"} 1',
    '# TYPE skep_run_events_probe_total counter',
    'skep_run_events_total{map="counter_callsSeen"} 6',
    'skep_run_decode_errors_total 0',
    'skep_run_series 14',
  ])
    assert.ok(text.split('\n').includes(line), `${line}\nis missing in\n${text}`);
  // The hook sees every process's calls, of which six are ours.
  const runs = /^skep_run_program_runs_total\{object="calls.o",program="calls"\} (\d+)$/m.exec(text);
  assert.ok(Number(runs?.[1]) >= 6, text);
});

/** Every family with a sample, and labels that need care: what a run rarely has all at once. */
const everything: RunStats = {
  probes: [{ name: 'a', objects: ['a.o'], maps: ['print_a'] }],
  startedAt: new Date(0),
  elapsedMs: 1000,
  events: { print_a: 5 },
  filtered: { print_a: 2 },
  lost: [{ map: 'a"b', reason: 'ring_full', count: 7 }],
  lossUnknown: ['counter_b'],
  exports: [
    {
      signal: 'metrics',
      url: 'http://127.0.0.1:4318/v1/metrics',
      handedIn: 9,
      delivered: 6,
      lost: { queue_full: 2, rejected: 0, timeout: 0, shutdown: 0, invalid: 0 },
      waiting: 1,
      requests: 3,
      retries: 1,
      failing: false,
    },
  ],
  foundFull: { counter_b: 3 },
  evictionsUnknown: ['calls'],
  missed: [
    { program: 'enter', object: 'p.o', reason: 'recursion', count: 4 },
    { program: 'enter', object: 'p.o', reason: 'hook', count: 1 },
  ],
  missesUnknown: ['leave'],
  programs: [
    { name: 'enter', object: 'p.o', section: 'kprobe/x', runs: 9n, also: [], runTimeNs: 1_500_000n },
  ],
  programStats: true,
  hooks: [
    { group: 'g', object: 'p.o', optional: true, twins: false, taken: undefined, rungs: [] },
    { group: 'h', object: 'p.o', optional: false, twins: false, taken: 'kprobe', rungs: [] },
  ],
  decodeErrors: 0,
  series: 1,
  ownCpuUs: 2_000_000,
  notes: [],
};

test('each of the run’s own figures passes promtool, with samples', () => {
  const text = selfMetrics(everything, false);
  for (const name of SELF_FAMILIES)
    assert.match(text, new RegExp(`^# TYPE ${name}(_total)? (counter|gauge)\n${name}(_total)?[{ ]`, 'm'));
  for (const line of [
    'skep_run_lost_events_total{map="a\\"b",reason="ring_full"} 7',
    'skep_run_loss_unknown{map="counter_b"} 1',
    'skep_run_evictions_unknown{map="calls"} 1',
    'skep_run_missed_program_runs_total{object="p.o",program="enter",reason="recursion"} 4',
    'skep_run_missed_program_runs_total{object="p.o",program="enter",reason="hook"} 1',
    'skep_run_misses_unknown{program="leave"} 1',
    'skep_run_program_run_time_seconds_total{object="p.o",program="enter"} 0.0015',
    'skep_run_hook{object="p.o",group="g",rung=""} 0',
    'skep_run_hook{object="p.o",group="h",rung="kprobe"} 1',
  ])
    assert.ok(text.split('\n').includes(line), `${line}\nis missing in\n${text}`);
  const check = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  // A guest has no Prometheus; `make test` installs it.
  if (process.env.SKEP_GUEST && check.error) return;
  assert.equal(check.error, undefined);
  assert.equal(check.stderr + check.stdout, '');
  assert.equal(check.status, 0);
});

test('OpenMetrics by negotiation, gzip, HEAD, and nothing else', { skip }, async () => {
  using producer = new Producer();
  const metrics = new MetricsServer({ port: 0, required: true });
  await started(producer, metrics);
  assert.ok(metrics.status.listening);
  const { url } = metrics.status;
  const open = await ask(url, {
    headers: { accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' },
  });
  assert.match(open.headers.get('content-type') ?? '', /^application\/openmetrics-text; version=1.0.0/);
  assert.equal(open.headers.get('content-encoding'), 'gzip');
  const text = await open.text();
  assert.match(text, /\n# EOF\n$/);
  assert.match(text, /# TYPE skep_calls_seen counter\nskep_calls_seen_total\{/);
  const head = await ask(url, { method: 'HEAD', headers: { 'accept-encoding': 'identity' } });
  assert.equal(await head.text(), '');
  assert.ok(Number(head.headers.get('content-length')) > 500);
  assert.equal((await ask(new URL('/', url))).status, 200);
  assert.equal((await ask(new URL('/nope', url))).status, 404);
  assert.equal((await ask(url, { method: 'POST' })).status, 405);
});

test('bee’s names are bee’s', { skip }, async () => {
  using producer = new Producer();
  const text = await prometheusText(await started(producer, new MetricsServer({ port: 0 })), {
    beeNames: true,
  });
  assert.match(text, /^# TYPE ebpf_solo_io_counter_callsSeen counter$/m);
  assert.match(text, /^ebpf_solo_io_hist_op_time_us_bucket\{arg="0",le="20"\} 3$/m);
});

test('a taken address is an error when it was asked for, else a plain word', { skip }, async () => {
  using producer = new Producer();
  const other = createServer();
  await new Promise<void>((resolve) => {
    other.listen(0, '127.0.0.1', resolve);
  });
  try {
    const { port } = other.address() as { port: number };
    const params = { target_pid: String(producer.pid) };
    const objects = [{ name: 'calls.o', bytes }];
    await assert.rejects(
      startRun({ name: 'x', objects, params, sinks: [new MetricsServer({ port, required: true })] }),
      { code: 'SKEP_PORT_IN_USE', message: new RegExp(`127.0.0.1:${port} is taken`) },
    );
    const metrics = new MetricsServer({ port });
    await started(producer, metrics);
    assert.ok(!metrics.status.listening);
    assert.match(metrics.status.reason, /is taken/);
  } finally {
    other.close();
  }
});
