import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { getPriority, release } from 'node:os';
import { afterEach, test } from 'node:test';
import { probeHook } from '@skep/bpf';
import { burn } from '../../../../test/support/cpu-time.ts';
import { fixture } from '../../../../test/support/fixtures.ts';
import { type Run, type RunRequest, startRun } from '../../src/index.ts';
import { rowsOf } from '../support/sinks.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const arm = process.arch === 'arm64';
const syscall = `__${arm ? 'arm64' : 'x64'}_sys_getpriority`;
const number = arm ? 141 : 140;
const [major, minor] = release().split('.').map(Number) as [number, number];
const since = (a: number, b: number) => major > a || (major === a && minor >= b);

const running: Run[] = [];
afterEach(async () => {
  for (const run of running.splice(0)) await run.stop();
});

async function run(attach: string[], more: Partial<RunRequest> = {}): Promise<Run> {
  const bytes = await fixture(new URL('./tracing.bpf.c', import.meta.url));
  const started = await startRun({
    name: 'tracing',
    objects: [{ name: 'tracing.o', bytes }],
    params: { only_pid: String(process.pid), only_syscall: String(number) },
    attach,
    sinks: [],
    // All of them, not the best of those that do the same. No tick: what is read is fresh.
    twins: false,
    intervalMs: 3_600_000,
    ...more,
  });
  running.push(started);
  return started;
}

function calls(n: number): void {
  for (let i = 0; i < n; i++) getPriority();
}

const kprobes = probeHook('kprobe').available === true;
const multi = probeHook('kprobe.multi').available === true;
const trampolines = probeHook('fentry').available === true;
const me = `pid=${process.pid}`;

/** A program, its number in the map, its target for getpriority(2), how often it runs a call, and whether it can here. */
const hooks: [program: string, row: number, target: string, runs: number, here: boolean][] = [
  ['at_tracepoint', 0, 'syscalls:sys_enter_getpriority', 1, true],
  ['at_raw', 20, 'sys_enter', 1, true],
  ['at_btf', 21, 'sys_enter', 1, true],
  ['at_elsewhere', 23, 'syscalls/sys_exit_getpriority', 1, true],
  ['at_uprobe', 11, `libc.so.6:getpriority,${me}`, 1, true],
  ['at_uretprobe', 12, `libc.so.6:getpriority,${me}`, 1, true],
  ['at_uprobe_sleeping', 16, `libc.so.6:getpriority,${me}`, 1, since(6, 0)],
  ['at_uprobe_multi', 13, `libc.so.6:getpriorit*,${me}`, 1, since(6, 6)],
  ['at_uretprobe_multi', 14, `libc.so.6:getpriorit?,${me}`, 1, since(6, 6)],
  ['at_uprobe_multi_sleeping', 17, `libc.so.6:getpriority,${me}`, 1, since(6, 6)],
  // A session runs at entry and at return.
  ['at_uprobe_session', 18, `libc.so.6:getpriorit*,${me}`, 2, since(6, 13)],
  ['at_uprobe_session_sleeping', 19, `libc.so.6:getpriority,${me}`, 2, since(6, 13)],
  ['at_kprobe', 1, syscall, 1, kprobes],
  ['at_kretprobe', 2, syscall, 1, kprobes],
  ['at_named', 24, syscall, 1, kprobes],
  ['at_ksyscall', 6, 'getpriority', 1, kprobes],
  ['at_kretsyscall', 7, 'getpriority', 1, kprobes],
  ['at_kprobe_multi', 3, `${syscall}*`, 1, multi],
  ['at_kretprobe_multi', 4, syscall, 1, multi],
  ['at_session', 5, syscall, 2, multi && since(6, 10)],
  ['at_fentry', 8, syscall, 1, trampolines],
  ['at_fexit', 9, syscall, 1, trampolines],
  ['at_fsession', 25, syscall, 2, trampolines && since(7, 0)],
  ['at_other', 22, syscall, 1, trampolines],
];

test('every kind of hook that this kernel has counts exactly', { skip }, async (t) => {
  const here = hooks.filter(([, , , , there]) => there);
  const started = await run(here.map(([program, , target]) => `${program}=${target}`));
  calls(25);
  const rows = await rowsOf(started, 'counter_runs');
  for (const [program, row, , runs] of here) assert.equal(rows.get(String(row)), String(25 * runs), program);
  const not = hooks.filter(([, , , , there]) => !there).map(([program]) => program);
  t.diagnostic(`${here.length} kinds of hook; not here: ${not.join(', ') || 'none'}`);
});

test('several targets of one program add up', { skip }, async () => {
  const targets = ['enter', 'exit'].map((side) => `at_tracepoint=syscalls:sys_${side}_getpriority`);
  const started = await run(targets);
  calls(10);
  assert.equal((await rowsOf(started, 'counter_runs')).get('0'), '20');
});

test('what this kernel lacks is refused with the reason, and nothing stays attached', { skip }, async () => {
  for (const [program, , target, , here] of hooks)
    if (!here)
      await assert.rejects(
        run([`${program}=${target}`]),
        (e: { code: string; message: string }) =>
          // That a kernel takes no sleepable uprobes, its verifier says.
          ['SKEP_UNSUPPORTED', 'SKEP_VERIFIER', 'SKEP_LOAD'].includes(e.code) &&
          e.message.includes(`"${program}"`),
        program,
      );
});

const lsm = readLsm();
test('an lsm program watches what is opened', { skip: skip || lsm }, async () => {
  const started = await run(['at_lsm=file_open']);
  for (let i = 0; i < 25; i++) closeSync(openSync('/proc/self/stat', 'r'));
  assert.ok(Number((await rowsOf(started, 'counter_runs')).get('10')) >= 25);
});

function readLsm(): string | false {
  if (!trampolines) return 'this kernel has no trampolines';
  if (process.env.SKEP_GUEST && !existsSync('/sys/kernel/security/lsm'))
    execFileSync('mount', ['-t', 'securityfs', 'securityfs', '/sys/kernel/security']);
  try {
    return readFileSync('/sys/kernel/security/lsm', 'utf8').includes('bpf')
      ? false
      : 'bpf is no active LSM here';
  } catch {
    return 'securityfs is not mounted';
  }
}

test('a perf event samples by frequency, and counts events by period', { skip }, async () => {
  const started = await run([`at_perf=1000hz,${me}`]);
  burn(100);
  assert.ok(Number((await rowsOf(started, 'counter_runs')).get('15')) > 10);
  await started.stop();
  // Watched are all threads of the process, from a moment within the start to one within the reading.
  const beforeStart = faultsSoFar('self');
  const faults = await run([`at_perf=1,event=page-faults,${me}`]);
  const before = faultsSoFar('thread-self');
  // A fault brings a page, sixteen, or 2 MiB, as the kernel likes.
  const bytes = new Uint8Array(16 << 20);
  for (let i = 0; i < bytes.length; i += 4096) bytes[i] = 1;
  const there = faultsSoFar('thread-self') - before;
  const seen = Number((await rowsOf(faults, 'counter_runs')).get('15'));
  const most = faultsSoFar('self') - beforeStart;
  assert.ok(there >= 8, `${there} faults`);
  assert.ok(seen >= there && seen <= most, `${seen} seen, ${there} to ${most} counted by the kernel`);
  await faults.stop();
  await assert.rejects(run([`at_perf=1,event=nosuch,${me}`]), { code: 'SKEP_ARGUMENT', hint: /page-faults/ });
  // A rate written as a count would sample without a pause.
  await assert.rejects(run([`at_perf=99,${me}`]), { code: 'SKEP_ARGUMENT', hint: /^Write 99hz/ });
  await assert.rejects(run(['at_perf=49hz,cpu=4095']), { code: 'SKEP_ARGUMENT', hint: /^Online: 0/ });
  await assert.rejects(run([`at_perf=100000001hz,${me}`]), {
    code: 'SKEP_ARGUMENT',
    message: /more than this/,
  });
});

/** Minor and major faults of this process, or of this thread alone. */
function faultsSoFar(of: 'self' | 'thread-self'): number {
  const fields = readFileSync(`/proc/${of}/stat`, 'latin1')
    .replace(/^.*\) /, '')
    .split(' ');
  return Number(fields[7]) + Number(fields[9]);
}

const python = existsSync('/usr/bin/python3') ? false : 'no program here has a USDT probe (python3 has)';
test('a usdt probe is found in the files of a process', { skip: skip || python }, async (t) => {
  const script =
    'import gc, sys\nfor line in sys.stdin:\n  for i in range(int(line)): gc.collect()\n  print("ok", flush=True)';
  const child = spawn('/usr/bin/python3', ['-S', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  const work = async (n: number) => {
    child.stdin.write(`${n}\n`);
    await once(child.stdout, 'data');
  };
  await work(1);
  const bytes = await fixture(new URL('./usdt.bpf.c', import.meta.url));
  const start = (attach: string) =>
    startRun({
      name: 'usdt',
      objects: [{ name: 'usdt.o', bytes }],
      attach: [attach],
      intervalMs: 3_600_000,
      sinks: [],
    });
  const started = await start(`at_usdt=python:gc__done,pid=${child.pid}`);
  running.push(started);
  await work(20);
  assert.deepEqual([...(await rowsOf(started, 'counter_hits'))], [[String(child.pid), '20']]);
  await assert.rejects(start(`at_usdt=python:nosuch,pid=${child.pid}`), {
    code: 'SKEP_ATTACH',
    message: /no file of process \d+ has the probe python:nosuch/,
  });
});
