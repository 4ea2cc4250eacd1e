import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, before, test } from 'node:test';
import { ensureBpffs } from '@skep/bpf';
import { type Run, type RunRequest, type RuntimeError, type Sink, startRun as start } from '../src/index.ts';
import { build } from './support/probe.ts';
import { Producer, WATCH } from './support/producer.ts';
import { Collect, rowsOf } from './support/sinks.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';

const CALLS = `${WATCH}
struct call_event { __u64 arg; char comm[16]; };
SKEP_RINGBUF(print_calls, struct call_event, 4096);
SKEP_HASH(counter_args, __u32, __u64, 1024);
SKEP_HASH(gauge_args, __u32, __u64, 1024);
SEC("tp/syscalls/sys_enter_getpgid") int calls(struct trace_event_raw_sys_enter *ctx)
{
	long arg = argument(ctx);
	__u32 key = arg;
	if (arg < 0) return 0;
	struct call_event *e = skep_reserve(print_calls, struct call_event);
	if (e) { e->arg = arg; bpf_get_current_comm(e->comm, sizeof(e->comm)); skep_submit(e); }
	skep_add(&counter_args, &key, 1);
	skep_add(&gauge_args, &key, 1);
	return 0;
}`;

let calls: { name: string; bytes: Uint8Array };
before(async () => {
  if (!skip) calls = { name: 'calls.o', bytes: await build(CALLS) };
});

const running: Run[] = [];
async function startRun(r: RunRequest): Promise<Run> {
  const run = await start(r);
  running.push(run);
  return run;
}
afterEach(async () => {
  for (const run of running.splice(0)) await run.stop();
});

function request(producer: Producer, more: Partial<RunRequest> = {}): RunRequest {
  return {
    name: 'calls',
    objects: [calls],
    params: { target_pid: String(producer.pid) },
    sinks: [],
    ...more,
  };
}

test('a ring too small: what arrived and what the probe counted as lost is what was sent', {
  skip,
}, async () => {
  using producer = new Producer();
  const sink = new Collect();
  const run = await startRun(request(producer, { sinks: [sink] }));
  await producer.produce(200_000, 7);
  const summary = await run.stop();
  const lost = summary.lost.find((l) => l.map === 'print_calls');
  assert.equal(lost?.reason, 'ring_full');
  assert.ok(lost.count > 0);
  assert.equal(sink.records.length + lost.count, 200_000);
  assert.equal(summary.events.print_calls, sink.records.length);
});

test('maxEvents hands out exactly so many and ends by itself', { skip }, async () => {
  using producer = new Producer();
  const sink = new Collect();
  const run = await startRun(request(producer, { sinks: [sink], maxEvents: 37 }));
  await producer.produce(100, 7);
  const summary = await run.closed;
  assert.equal(summary.reason, 'max-events');
  assert.equal(sink.records.length, 37);
  assert.equal(sink.summary?.reason, 'max-events');
});

test('a timeout ends a run in which nothing happens', { skip }, async () => {
  using producer = new Producer();
  const run = await startRun(request(producer, { timeoutMs: 50 }));
  assert.equal((await run.closed).reason, 'timeout');
  assert.equal((await run.stop()).reason, 'timeout', 'stopping again changes nothing');
});

test('all filters of a map must match; metrics are not filtered', { skip }, async () => {
  using producer = new Producer();
  const sink = new Collect();
  const filters = [
    'print_calls,arg,^[2-5]$',
    'print_calls,comm,^pe{1,2}rl$',
    'print_calls,arg,[^3]',
    'counter_args,key,^1$',
  ];
  const run = await startRun(request(producer, { sinks: [sink], filters }));
  await producer.produce(7, 7);
  const summary = await run.stop();
  assert.deepEqual(
    sink.records.map((r) => r.data.arg),
    [2, 4, 5],
  );
  assert.deepEqual([summary.events.print_calls, summary.filtered.print_calls], [7, 4]);
  const series = [...run.series.of(run.streams.find((s) => s.map === 'counter_args')!)];
  assert.equal(series.length, 7);
  assert.deepEqual(
    series.filter((s) => s.shown).map((s) => s.labels),
    [[['key', '1']]],
  );
});

for (const [what, more, code, hint] of [
  [
    'filter on an unknown map',
    { filters: ['print_nope,arg,1'] },
    'SKEP_FILTER_INVALID',
    /print_calls, counter_args/,
  ],
  ['filter on an unknown member', { filters: ['print_calls,nope,1'] }, 'SKEP_FILTER_INVALID', /arg and comm/],
  ['unknown parameter', { params: { target_pdi: '1' } }, 'SKEP_PARAM_UNKNOWN', /target_pid/],
  [
    'variable that is no parameter',
    { params: { print_calls_lost: '1' } },
    'SKEP_PARAM_UNKNOWN',
    /is a variable.*const volatile/,
  ],
  ['map that is no parameter', { params: { print_calls: '1' } }, 'SKEP_PARAM_UNKNOWN', /^Parameters: /],
  ['parameter of the wrong type', { params: { target_pid: 'x' } }, 'SKEP_PARAM_INVALID', /./],
  ['buckets of no histogram', { histBuckets: ['print_calls,[1]'] }, 'SKEP_HIST_INVALID', /hist_: none/],
  ['pins outside of bpffs', { pinMaps: '/tmp/skep-none' }, 'SKEP_PIN_DIRECTORY', /bpffs|bpf/],
  ['no object', { objects: [] }, 'SKEP_NOTHING_TO_RUN', /./],
] as const) {
  test(`${what}: refused before anything is loaded`, { skip }, async () => {
    let prepared = false;
    const sink: Sink = {
      name: 'x',
      prepare: () => {
        prepared = true;
      },
    };
    await assert.rejects(
      startRun({ name: 'x', objects: [calls], sinks: [sink], ...more }),
      (error: Error & { code?: string; hint?: string }) => {
        assert.equal(error.code, code);
        assert.match(error.hint ?? '', hint);
        return true;
      },
    );
    assert.equal(prepared, false);
  });
}

test('a counter never falls and a key that left takes its series along', { skip }, async () => {
  using producer = new Producer();
  ensureBpffs();
  const dir = mkdtempSync('/sys/fs/bpf/skep-test-');
  const { BpfMap } = await import('@skep/bpf');
  try {
    const run = await startRun(
      request(producer, { pinMaps: join(dir, 'maps'), pinProgs: join(dir, 'progs') }),
    );
    assert.deepEqual(readdirSync(join(dir, 'maps')).sort(), [
      'calls_o_bss',
      'counter_args',
      'gauge_args',
      'print_calls',
    ]);
    assert.deepEqual(readdirSync(join(dir, 'progs')), ['calls']);
    await producer.produce(30, 3);
    await run.series.refresh();
    assert.deepEqual(Object.fromEntries(await rowsOf(run, 'counter_args')), { 0: '10', 1: '10', 2: '10' });
    const key = (n: number) => new Uint8Array(Uint32Array.of(n).buffer);
    for (const name of ['counter_args', 'gauge_args']) {
      using map = BpfMap.openPinned(join(dir, 'maps', name));
      map.set(key(0), new Uint8Array(BigUint64Array.of(4n).buffer));
      map.delete(key(1));
    }
    await new Promise((resolve) => setTimeout(resolve, 60)); // rows younger than 50 ms are not read again
    assert.deepEqual(Object.fromEntries(await rowsOf(run, 'counter_args')), { 0: '14', 2: '10' });
    assert.deepEqual(Object.fromEntries(await rowsOf(run, 'gauge_args')), { 0: '4', 2: '10' });
    await run.stop();
    assert.ok(existsSync(join(dir, 'maps/counter_args')), 'what was asked for stays');
    await assert.rejects(startRun(request(producer, { pinMaps: join(dir, 'maps') })), {
      code: 'SKEP_PIN_DIRECTORY',
      message: /is there already/,
    });
  } finally {
    for (const sub of ['maps', 'progs']) {
      for (const file of readdirSync(join(dir, sub))) unlinkSync(join(dir, sub, file));
      rmdirSync(join(dir, sub));
    }
    rmdirSync(dir);
  }
});

test('label sets above the cap share one series', { skip }, async () => {
  using producer = new Producer();
  const run = await startRun(request(producer, { maxSeries: 5 }));
  await producer.produce(100, 20);
  const rows = await rowsOf(run, 'counter_args');
  await run.stop();
  assert.equal(rows.size, 6);
  assert.equal(rows.get(''), '75');
  assert.equal(
    [...rows.values()].reduce((sum, v) => sum + Number(v), 0),
    100,
  );
});

test('one program that does not attach detaches the others and is named', { skip }, async () => {
  using producer = new Producer();
  const bytes = await build(`${CALLS}
SEC("tp/syscalls/sys_enter_no_such_call") int absent(void *ctx) { return 0; }`);
  const before = programs();
  await assert.rejects(
    startRun(request(producer, { objects: [{ name: 'two.o', bytes }] })),
    (error: Error & { code?: string }) => {
      assert.match(error.message, /absent/);
      assert.match(error.code ?? '', /^SKEP_/);
      return true;
    },
  );
  assert.deepEqual(programs(), before);
});

test('an optional program whose hook is missing is left out, and said so', { skip }, async () => {
  using producer = new Producer();
  const bytes = await build(`${CALLS}
SKEP_OPTIONAL SEC("tp/syscalls/sys_enter_no_such_call") int absent(void *ctx) { return 0; }
SKEP_OPTIONAL SEC("fentry/no_such_function") int gone(void *ctx) { return 0; }`);
  const run = await startRun(request(producer, { objects: [{ name: 'two.o', bytes }] }));
  await producer.produce(3, 1);
  const summary = await run.stop();
  assert.match(summary.notes.join('\n'), /absent was left out/);
  assert.match(summary.notes.join('\n'), /gone was left out/);
  assert.equal(summary.events.print_calls, 3);
});

test('objects that share a map count into one series', { skip }, async () => {
  using producer = new Producer();
  const half = (n: number) =>
    build(`${WATCH}
SKEP_HASH(counter_both, __u32, __u64, 16) SKEP_SHARED;
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} counter_pinned SEC(".maps");
__u64 counter_pinned_lost;
SEC("tp/syscalls/sys_enter_getpgid") int half${n}(struct trace_event_raw_sys_enter *ctx)
{
	__u32 key = 5;
	if (argument(ctx) >= 0) {
		skep_add(&counter_both, &key, ${n});
		skep_add(&counter_pinned, &key, ${n});
	}
	return 0;
}`);
  const objects = [
    { name: 'one.o', bytes: await half(1) },
    { name: 'ten.o', bytes: await half(10) },
  ];
  const run = await startRun(request(producer, { objects }));
  assert.equal(existsSync('/sys/fs/bpf/counter_pinned'), false, 'nothing is left that nobody asked for');
  await producer.produce(4, 1);
  await run.stop();
  assert.deepEqual(
    run.streams.map((s) => s.map),
    ['counter_both', 'counter_pinned'],
  );
  for (const map of ['counter_both', 'counter_pinned'])
    assert.deepEqual(Object.fromEntries(await rowsOf(run, map)), { 5: '44' }, map);
});

test('a sink that fails ends the run with its error, and detached', { skip }, async () => {
  using producer = new Producer();
  const before = programs();
  const fault = new Error('sink is broken');
  const broken: Sink = {
    name: 'broken',
    record() {
      throw fault;
    },
  };
  const run = await startRun(request(producer, { sinks: [broken] }));
  await producer.produce(3, 1);
  const summary = await run.closed;
  assert.equal(summary.reason, 'error');
  assert.equal(summary.error, fault);
  assert.deepEqual(programs(), before);
});

test('a sink that cannot start leaves nothing attached and is put away', { skip }, async () => {
  using producer = new Producer();
  const before = programs();
  const told: string[] = [];
  const fault = new Error('no');
  const late: Sink = {
    name: 'late',
    start() {
      throw fault;
    },
    stop: ({ reason }) => {
      told.push(reason);
    },
  };
  await assert.rejects(startRun(request(producer, { sinks: [late] })), fault);
  assert.deepEqual(told, ['error']);
  assert.deepEqual(programs(), before);
});

test('where the probe does not count what a full ring refuses, that is said instead of 0', {
  skip,
}, async () => {
  using producer = new Producer();
  const bytes = await build(`${WATCH}
struct call_event { __u64 arg; };
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); __type(value, struct call_event); } print_calls SEC(".maps");
SEC("tp/syscalls/sys_enter_getpgid") int calls(struct trace_event_raw_sys_enter *ctx)
{
	long arg = argument(ctx);
	if (arg < 0) return 0;
	struct call_event *e = bpf_ringbuf_reserve(&print_calls, sizeof(*e), 0);
	if (e) { e->arg = arg; bpf_ringbuf_submit(e, 0); }
	return 0;
}`);
  const run = await startRun(request(producer, { objects: [{ name: 'quiet.o', bytes }] }));
  await producer.produce(200_000, 7);
  const { lost, lossUnknown, foundFull } = await run.stop();
  assert.deepEqual([lost, lossUnknown], [[], ['print_calls']]);
  assert.ok(foundFull.print_calls! > 0);
});

test('maps of one name in two objects are two streams', { skip }, async () => {
  using producer = new Producer();
  const sink = new Collect();
  const objects = [calls, { name: 'again.o', bytes: calls.bytes }];
  const run = await startRun(
    request(producer, { objects, sinks: [sink], filters: ['print_calls@again.o,arg,^1$'] }),
  );
  await producer.produce(4, 2);
  await run.stop();
  assert.deepEqual(
    run.streams.filter((s) => s.kind === 'print').map((s) => s.map),
    ['print_calls@calls.o', 'print_calls@again.o'],
  );
  assert.deepEqual(sink.records.map((r) => `${r.map} ${r.data.arg}`).sort(), [
    'print_calls@again.o 1',
    'print_calls@again.o 1',
    ...['0', '0', '1', '1'].map((n) => `print_calls@calls.o ${n}`),
  ]);
});

test('an object without a program to attach is an error', { skip }, async () => {
  const bytes = await build(
    'SKEP_HASH(counter_x, __u32, __u64, 16);\nSEC("?tp/syscalls/sys_enter_getpgid") int off(void *ctx) { return 0; }',
  );
  await assert.rejects(startRun({ name: 'x', objects: [{ name: 'off.o', bytes }], sinks: [] }), {
    code: 'SKEP_NOTHING_TO_RUN',
    message: /off\.o/,
  });
});

/** Numbers of the BPF programs that file descriptors of this process stand for. */
function programs(): string[] {
  const found: string[] = [];
  for (const fd of readdirSync('/proc/self/fdinfo')) {
    const path = `/proc/self/fdinfo/${fd}`;
    // The descriptor of the listing itself is gone by now.
    if (!existsSync(path)) continue;
    const id = /^prog_id:\s*(\d+)$/m.exec(readFileSync(path, 'utf8'))?.[1];
    if (id) found.push(id);
  }
  return found;
}

test('no temporary folder is left', () => {
  assert.deepEqual(
    readdirSync(tmpdir()).filter((f) => f.startsWith(`skep-runtime-${process.pid}-`)),
    [],
  );
});

test('pins of two objects are told apart, and a start that fails takes pins and folders back', {
  skip,
}, async () => {
  using producer = new Producer();
  ensureBpffs();
  const dir = mkdtempSync('/sys/fs/bpf/skep-test-');
  const pins = { pinMaps: join(dir, 'new/maps'), pinProgs: join(dir, 'new/progs') };
  try {
    const two = [
      { name: 'one.o', bytes: calls.bytes },
      { name: 'two.o', bytes: calls.bytes },
    ];
    const absent = await build(`${CALLS}
SEC("tp/syscalls/sys_enter_no_such_call") int absent(void *ctx) { return 0; }`);
    const failing = [...two, { name: 'absent.o', bytes: absent }];
    await assert.rejects(startRun(request(producer, { ...pins, objects: failing })), /absent/);
    assert.deepEqual(readdirSync(dir), []);
    const run = await startRun(request(producer, { ...pins, objects: two }));
    await run.stop();
    assert.deepEqual(readdirSync(pins.pinProgs).sort(), ['calls@one', 'calls@two']);
    const maps = readdirSync(pins.pinMaps).filter((name) => name.startsWith('counter_args'));
    assert.deepEqual(maps.sort(), ['counter_args@one', 'counter_args@two']);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('without CAP_SYS_ADMIN a probe runs, and its cost is left out rather than shown as nothing', {
  skip: skip || (process.env.SKEP_GUEST !== undefined && "busybox's setpriv drops no capability for good"),
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-caps-'));
  try {
    const file = join(dir, 'calls.o');
    writeFileSync(file, calls.bytes);
    const script = `
      import { readFileSync } from 'node:fs';
      import { startRun, prometheusText } from ${JSON.stringify(join(import.meta.dirname, '../src/index.ts'))};
      const objects = [{ name: 'calls.o', bytes: readFileSync(process.argv[1]) }];
      const run = await startRun({ name: 'calls', objects, sinks: [], timeoutMs: 1 });
      const metrics = await prometheusText(run, {});
      const { notes, programStats } = await run.closed;
      console.log(JSON.stringify({ notes, programStats, runs: metrics.includes('skep_run_program_runs') }));`;
    const node = [process.execPath, '--input-type=module', '-e', script, file];
    const { stdout, stderr } = spawnSync('setpriv', ['--bounding-set', '-sys_admin', ...node], {
      encoding: 'utf8',
    });
    assert.deepEqual(
      JSON.parse(stdout || JSON.stringify(stderr)),
      {
        notes: ['what the probe costs is not counted: that needs CAP_SYS_ADMIN'],
        programStats: false,
        runs: false,
      },
      stderr,
    );
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('what shows nothing says so: no map of a known name, an iterator that writes what is not declared', {
  skip,
}, async () => {
  using producer = new Producer();
  const bytes = await build(`${WATCH}
SKEP_HASH(other, __u32, __u64, 16);
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } rb SEC(".maps");
SEC("iter/task") int tasks(struct bpf_iter__task *ctx) { __u32 n = 1; bpf_seq_write(ctx->meta->seq, &n, sizeof(n)); return 0; }
SEC("tp/syscalls/sys_enter_getpgid") int calls(struct trace_event_raw_sys_enter *ctx)
{ if (argument(ctx) < 0) bpf_printk("never"); return argument(ctx) > 0; }`);
  const run = await startRun(request(producer, { objects: [{ name: 'silent.o', bytes }] }));
  const { notes } = await run.stop();
  assert.match(
    notes.join('\n'),
    /what bpf_printk\(\) prints is read by cat \/sys\/kernel\/\S*tracing\/trace_pipe/,
  );
  assert.match(
    notes.join('\n'),
    /nothing to show: no ring, hash or array is named print_.*; what rb holds is not read: call it print_rb,/,
  );
  assert.match(
    notes.join('\n'),
    /what tasks writes is not shown, as its type is not known: SKEP_ROWS\(tasks/,
  );
});

test('histogram flags that cannot be followed are refused with what there is', { skip }, async () => {
  const bytes = await build(`${WATCH}
struct hist_key { __u32 who; __u32 size; };
struct hist_value { __u64 calls; __u64 bytes; };
SKEP_HASH(hist_sizes, struct hist_key, struct hist_value, 16);
SKEP_ARRAY(hist_slots, __u64, 8);
SEC("tp/syscalls/sys_enter_getpgid") int calls(struct trace_event_raw_sys_enter *ctx) { return argument(ctx) > 0; }`);
  using producer = new Producer();
  const refused = (more: Partial<RunRequest>, message: RegExp, hint: RegExp) =>
    assert.rejects(
      startRun(request(producer, { objects: [{ name: 'hist.o', bytes }], ...more })),
      (e: RuntimeError) => {
        assert.match(e.message, message);
        assert.match(e.hint, hint);
        return true;
      },
    );
  await refused({}, /hist_sizes.*several numbers/, /--hist-value-key hist_sizes,calls/);
  await refused({ histValueKeys: ['hist_sizes,x'] }, /no number of that name/, /who, size, calls and bytes/);
  const histValueKeys = ['hist_sizes,bytes'];
  await refused({ histValueKeys, histBuckets: ['hist_slots,[1,2]'] }, /8 slots of powers of two/, /./);
});

test('of a table of functions it is said that nobody puts it in force', {
  // Its members have to be those of this very kernel, and the object is compiled with the host's types.
  skip: skip || (process.env.SKEP_GUEST !== undefined && 'its types are the host’s'),
}, async () => {
  using producer = new Producer();
  const bytes = await build(`${WATCH}
SEC("struct_ops/threshold") __u32 threshold(void *ctx) { return target_pid; }
SEC("struct_ops/undo") __u32 undo(void *ctx) { return target_pid; }
SEC("struct_ops/avoid") void avoid(void *ctx) {}
SEC(".struct_ops") struct tcp_congestion_ops skep_test = {
	.ssthresh = (void *)threshold, .undo_cwnd = (void *)undo, .cong_avoid = (void *)avoid, .name = "skep_test",
};`);
  await assert.rejects(
    startRun(request(producer, { objects: [{ name: 'table.o', bytes }], allowModify: true })),
    { code: 'SKEP_NOTHING_TO_RUN', hint: /puts none in force: bpftool struct_ops register FILE/ },
  );
});

test('an object of which nothing is attached says why', { skip }, async () => {
  using producer = new Producer();
  const only = async (section: string) => ({
    objects: [
      {
        name: 'none.o',
        bytes: await build(`${WATCH}\n${section} int nothing(void *ctx) { return target_pid; }`),
      },
    ],
  });
  const kept = await only('SEC("?tp/syscalls/sys_enter_getpgid")');
  await assert.rejects(startRun(request(producer, kept)), {
    code: 'SKEP_NOTHING_TO_RUN',
    message: 'none.o: no program was attached',
    hint: /question mark/,
  });
  const lacking = await only('SKEP_OPTIONAL SEC("tp/syscalls/sys_enter_no_such_call")');
  await assert.rejects(startRun(request(producer, lacking)), {
    code: 'SKEP_NOTHING_TO_RUN',
    message: /^none\.o: no program was attached; nothing was left out: [^;]*$/,
    hint: /lacks every hook/,
  });
});
