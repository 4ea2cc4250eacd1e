import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { missesKnown, possibleCpus, probeHook, runningKernel } from '@skep/bpf';
import { fixture } from '../../../test/support/fixtures.ts';
import { startRun } from '../src/index.ts';
import { Crowd } from './support/crowd.ts';
import { rowsOf } from './support/sinks.ts';

const root = process.getuid?.() === 0;
const lacks = (hook: 'kprobe' | 'fentry'): string | false =>
  !root ? 'needs root' : probeHook(hook).available ? false : `this kernel has no ${hook}`;

async function start(name: string, pid: number) {
  const bytes = await fixture(new URL(`./${name}.bpf.c`, import.meta.url));
  const params = { target_pid: String(pid) };
  return await startRun({ name, objects: [{ name: `${name}.o`, bytes }], params, sinks: [] });
}

type Started = Awaited<ReturnType<typeof start>>;
const counted = async (run: Started, map: string): Promise<number> =>
  Number([...(await rowsOf(run, map)).values()][0] ?? 0);

test('a kprobe within a running program is missed: told where the kernel counts, unknown elsewhere', {
  skip: lacks('kprobe'),
}, async () => {
  using crowd = new Crowd();
  const run = await start('misses-kprobe', crowd.pid);
  await crowd.produce(1, 50, 1);
  const { missed, missesUnknown } = await run.stop();
  assert.equal(await counted(run, 'counter_triggered'), 50);
  const ran = await counted(run, 'counter_ran');
  // Newer kernels (7.2 was seen to) run it all the same: then there is nothing to tell.
  if (ran === 50) return assert.deepEqual(missed, []);
  assert.equal(ran, 0);
  if (missesKnown('kprobe', runningKernel().version)) {
    assert.deepEqual(missesUnknown, []);
    const { count, ...about } = missed.find((m) => m.program === 'nested')!;
    assert.deepEqual(about, { program: 'nested', object: 'misses-kprobe.o', reason: 'recursion' });
    // Programs of others that read texts are interrupted by it as well.
    assert.ok(count >= 50, `${count} were missed`);
  } else assert.deepEqual([missed, missesUnknown.includes('nested')], [[], true]);
});

/** Without that, a program that leads to itself takes the kernel's stack, and the kernel with it. */
function runsWithinItself(): string | false {
  const [major, minor] = runningKernel().version;
  const before = major < 5 || (major === 5 && minor < 12);
  return before && 'Linux 5.12 brought what keeps a trampoline from running within itself';
}

test('a trampoline that would run within itself is not run, and that is counted', {
  skip: lacks('fentry') || runsWithinItself(),
}, async () => {
  using crowd = new Crowd();
  const run = await start('misses-fentry', crowd.pid);
  await crowd.produce(1, 50, 1);
  const { missed, missesUnknown } = await run.stop();
  const ran = await counted(run, 'counter_ran');
  assert.equal(missesUnknown.includes('inner'), false);
  const misses = missed.find((m) => m.program === 'inner')?.count ?? 0;
  assert.equal(ran + misses, 100, 'each of fifty calls leads to a run and a miss');
  assert.equal(misses, 50);
});

/** So many children that are all in select(2) at once, then all return. */
async function select(children: number, started: (pid: number) => Promise<Started>): Promise<Started> {
  const script = `
$| = 1; require POSIX; <STDIN>; pipe(my $r, my $w);
for (1 .. ${children}) { next if fork; close $w; my $v = ''; vec($v, fileno($r), 1) = 1; select($v, undef, undef, 20); POSIX::_exit(0) }
close $r; print "forked\\n"; <STDIN>; close $w; 1 while wait != -1; print "done\\n"; <STDIN>`;
  const child = spawn('perl', ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const lines = createInterface(child.stdout!);
    const run = await started(child.pid!);
    const next = async (): Promise<void> => {
      const line = once(lines, 'line');
      child.stdin!.write('\n');
      await line;
    };
    await next();
    // A guest has one processor, and that is for the children to come there.
    while ((await counted(run, 'counter_entered')) < children) await setTimeout(20);
    await next();
    return run;
  } finally {
    child.kill('SIGKILL');
  }
}

test('a kretprobe with more calls under way than it has room for misses the others: none is unaccounted for', {
  skip: lacks('kprobe'),
}, async () => {
  const children = 3 * Math.max(10, 2 * possibleCpus());
  const run = await select(children, (pid) => start('misses-kretprobe', pid));
  const { missed, missesUnknown } = await run.stop();
  const entered = await counted(run, 'counter_entered');
  const returned = await counted(run, 'counter_returned');
  assert.equal(entered, children);
  if (missesKnown('kretprobe', runningKernel().version)) {
    const atHook = missed.find((m) => m.program === 'returned' && m.reason === 'hook')?.count ?? 0;
    assert.deepEqual(missesUnknown, []);
    assert.equal(returned + atHook, entered);
  } else assert.ok(missesUnknown.includes('returned'));
});

/** Getting random bytes to where nothing is: the kernel faults. */
const FAULTS = `$| = 1; print "ready\\n"; while (<STDIN>) { for (1 .. 20) { syscall(318, 8, 8, 0) } print "ok\\n" }`;

test('what a program did not run for is not missed where another stands in for it', {
  skip:
    (!root && 'needs root') ||
    (!probeHook('tp_btf').available && 'this kernel has no tp_btf') ||
    (process.arch !== 'x64' && 'only x86 has an event for what the kernel faults at'),
}, async () => {
  const child = spawn('perl', ['-e', FAULTS], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    // A new process faults as well, and where `first` is attached and `second` not yet, nothing makes up for that.
    const lines = createInterface(child.stdout!);
    await once(lines, 'line');
    const run = await start('stands-in', child.pid!);
    const line = once(lines, 'line');
    child.stdin!.write('\n');
    await line;
    const { map, value } = run.map('.bss');
    const bytes = map.get(new Uint8Array(4))!;
    const global = (name: string) =>
      Number(new DataView(bytes.buffer).getBigUint64(value.get(name)!.offset, true));
    const [madeUp, nested] = [global('made_up'), global('nested')];
    const { missed } = await run.stop();
    const faults = await counted(run, 'counter_faults');
    // A processor without fast strings faults twice for each, trying again byte by byte.
    assert.ok(faults >= 40 && nested >= 20, `${faults} faults, ${nested} of them nested`);
    // Before 6.1 a program on a raw tracepoint ran within itself.
    const [major, minor] = runningKernel().version;
    if (major > 6 || (major === 6 && minor >= 1)) assert.equal(madeUp, nested);
    assert.deepEqual(missed, []);
  } finally {
    child.kill('SIGKILL');
  }
});
