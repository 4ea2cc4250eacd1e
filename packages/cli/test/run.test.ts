import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { main, Sandbox } from './harness.ts';
import { source } from './objects.ts';
import { inTerminal } from './terminal.ts';

const me = `target_pid=${process.pid}`;
const box = new Sandbox();
const isRoot = process.getuid?.() === 0;
const needsRoot = { skip: isRoot ? false : 'loading BPF needs root' };

before(async () => {
  chmodSync(box.dir, 0o755);
  writeFileSync(box.path('calls.c'), source);
  await box.ok(['build', 'calls.c', 'calls:1']);
  await box.ok(['build', 'calls.c']);
});
after(() => box[Symbol.dispose]());

/** A `skep run` that is attached: it has said where its metrics are. */
class Running implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  stderr = '';
  metrics = '';

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [main, 'run', ...args], {
      env: box.env,
      cwd: box.dir,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.lines.push(line));
  }

  static async start(...args: string[]): Promise<Running> {
    const running = new Running(['--prom-listen', '127.0.0.1:0', ...args]);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    running.child.stderr!.on('data', (chunk: Buffer) => {
      running.stderr += chunk.toString();
      running.metrics = /metrics: (http\S+)/.exec(running.stderr)?.[1] ?? '';
      if (running.metrics) resolve();
    });
    running.child.once('close', () => reject(new Error(`ended too early: ${running.stderr}`)));
    await promise;
    return running;
  }

  async ended(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'close');
    return this.child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'close');
  }
}

function callUmask(times: number): void {
  for (let i = 0; i < times; i++) process.umask(0o22);
}

test('an image runs: every event is a JSON line, --max-events ends it with 0', needsRoot, async () => {
  await using run = await Running.start('calls:1', '--set', me, '--max-events', '20', '-v');
  callUmask(20);
  assert.equal(await run.ended(), 0, run.stderr);
  const events = run.lines.map((line) => JSON.parse(line)).filter((e) => e.map === 'print_events');
  assert.equal(events.length, 20);
  assert.deepEqual(
    events.map((e) => e.data.calls),
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
  assert.equal(events[0].data.pid, process.pid);
  assert.match(run.stderr, /calls:1: [\d.]+ s \(enough events\), 20 events, 0 lost/);
});

test('Ctrl-C while the compiler runs ends both, without a word about the compiler', needsRoot, async () => {
  // A terminal sends it to both at once.
  writeFileSync(box.path('clang'), '#!/bin/sh\nkill -INT $PPID\nkill -INT $$\n', { mode: 0o755 });
  const ended = await box.skep(['run', 'calls.c', '--no-prom'], { env: { SKEP_CLANG: box.path('clang') } });
  assert.deepEqual([ended.code, ended.stdout, ended.stderr], [130, '', '']);
});

test('/metrics has what was counted; SIGTERM and Ctrl-C end with 0 and a summary', needsRoot, async () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    await using run = await Running.start(box.path('calls.o'), '--set', me);
    callUmask(7);
    const body = await (await fetch(run.metrics)).text();
    assert.match(body, new RegExp(`calls_total\\{pid="${process.pid}"\\} 7\\n`));
    run.child.kill(signal);
    assert.equal(await run.ended(), 0, run.stderr);
    assert.match(run.stderr, /calls: .* 7 events, 0 lost/);
  }
});

test('--summary writes what came and what was lost, as JSON', needsRoot, async () => {
  const file = box.path('summary.json');
  await using run = await Running.start('calls:1', '--set', me, '--summary', file);
  callUmask(9);
  run.child.kill('SIGTERM');
  assert.equal(await run.ended(), 0, run.stderr);
  const summary = JSON.parse(readFileSync(file, 'utf8'));
  const { probe, reason, events, lost, loss_unknown, evictions_unknown, programs, seconds } = summary;
  assert.deepEqual(
    { probe, reason, events, lost, loss_unknown, evictions_unknown },
    {
      ...{ probe: 'calls:1', reason: 'signal', events: { print_events: 9 }, lost: [] },
      ...{ loss_unknown: [], evictions_unknown: [] },
    },
  );
  assert.ok(seconds > 0);
  assert.ok(programs[0].program === 'on_enter' && programs[0].runs >= 9, JSON.stringify(programs));
  for (const key of [
    'found_full',
    'missed',
    'misses_unknown',
    'filtered',
    'decode_errors',
    'series',
    'notes',
  ])
    assert.ok(key in summary, key);
});

test('a C file is built and run, --timeout ends it with 0, --debug writes debug.log', needsRoot, async () => {
  await using run = await Running.start(
    'calls.c',
    '--set',
    me,
    '--timeout',
    '400ms',
    '--debug',
    '-o',
    'json',
  );
  assert.equal(await run.ended(), 0, run.stderr);
  assert.match(run.stderr, /time is up/);
  assert.match(readFileSync(box.path('debug.log'), 'utf8'), /loaded .*raw_tp\/sys_enter/);
});

test('an image for another architecture is refused before anything is loaded', needsRoot, async () => {
  const other = process.arch === 'x64' ? 'linux/arm64' : 'linux/amd64';
  await box.ok(['build', '--platform', other, 'calls.o', 'foreign:1']);
  await box.fails(2, new RegExp(`foreign:1 was built for ${other}, and this machine is linux/`), [
    'run',
    'foreign:1',
  ]);
  assert.match(await box.ok(['run', 'foreign:1', '--help']), /--target-pid/);
});

test('a filter shows only what matches', needsRoot, async () => {
  const nobody = 'print_events,calls,^(2|4)$';
  await using run = await Running.start('calls:1', '--set', me, '-f', nobody, '--timeout', '700ms');
  callUmask(5);
  assert.equal(await run.ended(), 0, run.stderr);
  const shown = run.lines.map((line) => JSON.parse(line)).filter((e) => e.map === 'print_events');
  assert.deepEqual(
    shown.map((e) => e.data.calls),
    [2, 4],
  );
});

test('pins stay and are named', needsRoot, async () => {
  const dir = `/sys/fs/bpf/skep-cli-test-${process.pid}`;
  try {
    await using run = await Running.start('calls:1', '--set', me, '--pin-maps', dir, '--pin-progs', dir);
    run.child.kill('SIGTERM');
    assert.equal(await run.ended(), 0, run.stderr);
    for (const name of ['print_events', 'counter_calls', 'on_enter'])
      assert.ok(existsSync(`${dir}/${name}`), name);
  } finally {
    execFileSync('rm', ['-rf', dir]);
  }
});

test('what is wrong is said before anything is attached', needsRoot, async () => {
  const run = (...args: string[]) => ['run', 'calls:1', '--timeout', '1s', '--no-prom', ...args];
  await box.fails(2, /target_pdi/, run('--set', 'target_pdi=1'));
  await box.fails(2, /--summary .*: the file cannot be written \(ENOENT\)/, run('--summary', 'no/such/file'));
  await box.fails(2, /target_pid/, run('--set', 'target_pid=-1'));
  await box.fails(2, /NAME=VALUE/, run('--set', 'target_pid'));
  await box.fails(2, /nosuch/, run('-f', 'nosuch,pid,1'));
  await box.fails(2, /print_events/, run('-f', 'print_events,pid,['));
  await box.fails(2, /needs a terminal/, run('-o', 'table'));
  await box.fails(2, /exclude/, ['run', 'calls:1', '--no-prom', '--prom-port', '1']);
  await box.fails(2, /not an address/, ['run', 'calls:1', '--prom-listen', 'nowhere']);
  await box.fails(2, /--password needs --username too[\s\S]*--prom-listen/, [
    'run',
    '-p',
    '9091:9091',
    'calls:1',
  ]);
  await box.fails(2, /missing/, ['run']);
  await box.fails(3, /no image "nope:1"/, ['run', 'nope:1']);
  await box.fails(3, /pull never/, ['run', 'localhost:1/nope:1', '--pull', 'never']);
  await box.fails(6, /localhost:1/, ['run', 'localhost:1/nope:1']);
  await box.fails(3, /nope\.o/, ['run', './nope.o']);
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const port = String((taken.address() as { port: number }).port);
  await box.fails(1, /is taken/, ['run', 'calls:1', '--timeout', '1s', '--prom-port', port]);
  taken.close();
});

test('run IMAGE --help shows the parameters, without rights', needsRoot, async () => {
  const help = await box.ok(['run', 'calls:1', '--help']);
  assert.match(help, /--target-pid <number> +0 +only this process/);
  assert.match(help, /--max-events/);
  const asNobody = { uid: 65534, env: { SKEP_STORAGE: box.path('nobody') } };
  assert.match(await box.ok(['run', box.path('calls.o'), '--help'], asNobody), /--target-pid/);
});

test('without rights: which one is missing, and the way out', needsRoot, async () => {
  const { stderr } = await box.fails(4, /CAP_BPF and CAP_PERFMON/, ['run', box.path('calls.o')], {
    uid: 65534,
  });
  assert.match(stderr, /\n {2}sudo skep run/);
  assert.match(stderr, /setcap/);
});

test(
  'a program that the verifier refuses: the reason, the line, exit 5, the log with -v',
  needsRoot,
  async () => {
    writeFileSync(
      box.path('refused.c'),
      `#include "skep.h"
SKEP_HASH(counter_x, __u32, __u64, 16);
SEC("raw_tp/sys_enter")
int f(void *ctx)
{
	__u32 key = 1;
	__u64 *value = bpf_map_lookup_elem(&counter_x, &key);
	return *value;
}
char LICENSE[] SEC("license") = "GPL";
`,
    );
    const { stderr } = await box.fails(5, /refused\.c:8/, ['run', 'refused.c', '--no-prom']);
    assert.ok(stderr.split('\n').length < 12, stderr);
    const verbose = await box.fails(5, /refused\.c:8/, ['run', 'refused.c', '--no-prom', '-v']);
    assert.ok(verbose.stderr.length > stderr.length + 200, 'the whole log');
  },
);

test('a full disk behind standard output ends the run with a sentence and 1', needsRoot, async () => {
  const command = `${process.execPath} ${main} run calls:1 --set ${me} --no-prom -o json > /dev/full`;
  const child = spawn('sh', ['-c', `exec ${command}`], { env: box.env, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const timer = setInterval(() => callUmask(1), 20);
  const [code] = await once(child, 'close');
  clearInterval(timer);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /^skep: standard output: no space left on the disk\n {2}\S/);
});

test('--rm is taken in the foreground too, where nothing is left', needsRoot, async () => {
  const { code, stderr } = await box.skep([
    'run',
    '--rm',
    'calls:1',
    '--set',
    me,
    '--no-prom',
    '--timeout',
    '100ms',
  ]);
  assert.equal(code, 0, stderr);
});

test('a dumb terminal gets lines, and no view', needsRoot, async () => {
  using terminal = inTerminal(box, ['run', 'calls:1', '--set', me, '--no-prom', '--max-events', '3'], 'dumb');
  const timer = setInterval(() => callUmask(1), 20);
  try {
    assert.match(await terminal.until('code 0'), /^\{"time":"[^"]+","map":"print_events","data":\{/m);
  } finally {
    clearInterval(timer);
  }
  using refused = inTerminal(box, ['run', 'calls:1', '-o', 'table'], 'dumb');
  assert.match(await refused.until('code 2'), /--output table needs a terminal, and not a dumb one/);
});

test('the live view in a terminal: rows come, q leaves, the terminal is as before', needsRoot, async () => {
  using terminal = inTerminal(box, ['run', 'calls:1', '--set', me, '--no-prom']);
  await terminal.until('waiting for events');
  callUmask(3);
  await terminal.until(String(process.pid));
  terminal.press('q');
  assert.match(await terminal.until('code 0'), /calls:1: [\d.]+ s.*3 events, 0 lost/s);
});
