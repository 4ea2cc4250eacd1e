/** Kinds of hook that few programs use: where the kernel has them they see what happens, else the reason is told. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import { afterEach, before, test } from 'node:test';
import { kernelFeatures, probeHook, runningKernel } from '@skep/bpf';
import { burn } from '../../../../test/support/cpu-time.ts';
import { fixture } from '../../../../test/support/fixtures.ts';
import { Netns } from '../../../../test/support/netns.ts';
import { type Run, startRun } from '../../src/index.ts';
import { Collect, rowsOf } from '../support/sinks.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const [major, minor] = runningKernel().version;
const since = (a: number, b: number) => major > a || (major === a && minor >= b);
const arm = process.arch === 'arm64';
const trampolines = probeHook('fentry').available === true;
const mount = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/self/mounts', 'utf8'))?.[1];

// A guest's kernel does not fetch modules by itself.
before(() => {
  if (!process.env.SKEP_GUEST || since(6, 6)) return;
  for (const module of ['sch_ingress', 'cls_bpf']) execFileSync('modprobe', [module]);
});

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function run(...attach: string[]): Promise<Run> {
  const bytes = await fixture(new URL('./rare.bpf.c', import.meta.url));
  const started = await startRun({
    name: 'rare',
    objects: [{ name: 'rare.o', bytes }],
    params: { only_pid: String(process.pid) },
    attach,
    sinks: [],
    twins: false,
    intervalMs: 3_600_000,
  });
  ending.push(() => started.stop());
  return started;
}

const runsOf = async (started: Run, hook: number): Promise<number> =>
  Number((await rowsOf(started, 'counter_runs')).get(String(hook)) ?? 0);

/** Programs of this name that are loaded, on the whole machine. */
function loaded(name: string): number {
  const shown = execFileSync('bpftool', ['-j', 'prog', 'show'], { encoding: 'utf8', maxBuffer: 1 << 26 });
  return (JSON.parse(shown) as { name?: string }[]).filter((p) => p.name === name.slice(0, 15)).length;
}

interface Tracing {
  program: string;
  hook: number;
  target: string;
  /** Makes the function run once. */
  act: () => void;
  /** Whether this kernel has it, as far as versions and features tell. */
  here: boolean;
  /** Says of an error that this kernel's verifier takes the program, but not there. */
  elsewhere?: RegExp;
}

const open = () => closeSync(openSync('/proc/self/stat', 'r'));
const lsm = probeHook('lsm').available === true;
const tracing: Tracing[] = [
  {
    program: 'at_fmod_ret',
    hook: 0,
    target: 'security_task_kill',
    act: () => void process.kill(process.pid, 0),
    here: trampolines,
  },
  {
    program: 'at_fentry_sleeping',
    hook: 1,
    target: `__${arm ? 'arm64' : 'x64'}_sys_getpriority`,
    act: () => void getPriority(),
    here: trampolines,
    // Kernels built without error injection let no program sleep in a system call; the newest do.
    elsewhere: since(7, 0) ? undefined : /is not sleepable/,
  },
  { program: 'at_lsm', hook: 2, target: 'file_open', act: open, here: lsm },
  { program: 'at_lsm_sleeping', hook: 3, target: 'file_open', act: open, here: lsm },
];

for (const { program, hook, target, act, here, elsewhere } of tracing) {
  test(`${program} runs with each call of ${target}, and is gone afterwards`, { skip }, async () => {
    const attach = `${program}=${target}`;
    if (!here) {
      await rejects(run(attach), {
        code: /^SKEP_(UNSUPPORTED|VERIFIER)$/,
        message: /this kernel|trampolines|never call it|is not sleepable/i,
      });
      return strictEqual(loaded(program), 0);
    }
    const started = await run(attach).catch((error: Error & { code: string; hint: string }) => {
      if (!elsewhere?.test(error.message)) throw error;
      deepStrictEqual([error.code, /leave the "\.s" out/.test(error.hint)], ['SKEP_VERIFIER', true]);
    });
    if (!started) return strictEqual(loaded(program), 0);
    for (let i = 0; i < 25; i++) act();
    const runs = await runsOf(started, hook);
    // Node's other threads open files, too.
    ok(target === 'file_open' ? runs >= 25 : runs === 25, `${runs} runs`);
    await started.stop();
    strictEqual(loaded(program), 0);
  });
}

test('an iterator that may sleep reads the tasks', { skip }, async () => {
  const sink = new Collect();
  const request = {
    name: 'rare-iter',
    objects: [{ name: 'rare-iter.o', bytes: await fixture(new URL('./rare-iter.bpf.c', import.meta.url)) }],
    params: { only_pid: String(process.pid) },
    sinks: [sink],
  };
  await (await startRun(request)).closed;
  deepStrictEqual(
    sink.records.map((r) => r.data),
    [{ line: String(process.pid) }],
  );
});

test('a program on a security hook of one cgroup sees its sockets alone', {
  skip: skip || (!mount && 'no cgroup2 is mounted'),
}, async () => {
  const name = `skep_t_rare_${process.pid}`;
  mkdirSync(`${mount}/${name}`);
  ending.push(() => rmdirSync(`${mount}/${name}`));
  if (!since(6, 0) || !trampolines || !lsm) {
    await rejects(run(`at_cgroup=${name}`), { code: 'SKEP_UNSUPPORTED', message: /"at_cgroup"/ });
    return strictEqual(loaded('at_cgroup'), 0);
  }
  const inside = await Netns.make();
  ending.push(() => inside.gone());
  await inside.do(`join ${mount}/${name}`);
  const outside = await Netns.make();
  ending.push(() => outside.gone());
  const started = await run(`at_cgroup=${name}`);
  await outside.do('udp 1');
  await inside.do('udp 1');
  strictEqual(await runsOf(started, 4), 2, 'a socket to send and one to receive');
  await started.stop();
  strictEqual(loaded('at_cgroup'), 0);
});

test('a flow dissector is asked for each packet whose hash is wanted, in its namespace', {
  skip,
}, async () => {
  const net = await Netns.make();
  ending.push(() => net.gone());
  const started = await run(`at_dissector=${net.pid}`, `at_packet=lo,netns=${net.pid}`);
  await net.do('udp 20');
  strictEqual(await runsOf(started, 6), 20, 'packets that came in');
  strictEqual(await runsOf(started, 5), 20, 'dissected');
  await started.stop();
  deepStrictEqual([loaded('at_dissector'), loaded('at_packet')], [0, 0]);
});

/** Makes the pair of interfaces nk0 and nk1, as "ip link add nk0 type netkit peer name nk1" of newer tools does. */
const NETKIT = `
use Socket;
sub attr { my ($type, $data) = @_; my $n = 4 + length $data; pack('SS', $n, $type) . $data . "\\0" x (-$n & 3) }
my $link = "\\0" x 16;
my $peer = attr(1, $link . attr(3, "nk1\\0"));
my $body = $link . attr(3, "nk0\\0") . attr(18, attr(1, "netkit\\0") . attr(2, $peer));
socket(my $s, 16, SOCK_RAW, 0) or die;
send($s, pack('LSSLL', 16 + length $body, 16, 0x605, 1, 0) . $body, 0) or die;
recv($s, my $answer, 4096, 0);
print -unpack('l', substr($answer, 16, 4));
`;
const SEND = `
use Socket;
socket(my $s, PF_INET, SOCK_DGRAM, 0) or die;
for (1 .. 10) { send($s, 'x', 0, pack_sockaddr_in(9, inet_aton('10.77.0.2'))) or die "$!" }
`;

test('a netkit program sees what its interface sends', { skip }, async () => {
  const net = await Netns.make();
  ending.push(() => net.gone());
  const feature = kernelFeatures().find((f) => f.name === 'netkit')!;
  const answer = Number(net.run('perl', '-e', NETKIT));
  if (feature.probe().available !== true) {
    ok(answer > 0, 'the kernel has netkit interfaces, and is said to have none');
    return rejects(run(`at_netkit=lo,netns=${net.pid}`), {
      code: 'SKEP_UNSUPPORTED',
      message: /"at_netkit".*(has no links for it|does not take|does not attach)/,
    });
  }
  strictEqual(answer, 0, 'errno');
  net.run('ip', 'address', 'add', '10.77.0.1/24', 'dev', 'nk0');
  for (const name of ['nk0', 'nk1']) net.run('ip', 'link', 'set', name, 'up');
  const started = await run(`at_netkit=nk0,netns=${net.pid}`);
  const before = await runsOf(started, 7);
  net.run('perl', '-e', SEND);
  const runs = (await runsOf(started, 7)) - before;
  ok(runs >= 10 && runs < 20, `${runs} runs; the kernel speaks of its own accord, too`);
  await started.stop();
  strictEqual(loaded('at_netkit'), 0);
  // Nothing that is not a netkit interface takes it.
  await rejects(run(`at_netkit=lo,netns=${net.pid}`), { message: /"at_netkit" cannot be attached/ });
});

test('a hardware counter samples, or it is said that the machine has none', { skip }, async () => {
  let started: Run;
  try {
    started = await run(`at_counter=100000,event=instructions,pid=${process.pid}`);
  } catch (error) {
    const { code, message, hint } = error as { code: string; message: string; hint: string };
    strictEqual(code, 'SKEP_UNSUPPORTED', message);
    match(message, /"at_counter" cannot be attached.*this machine has no counter for it/);
    match(hint, /Virtual machines/);
    return strictEqual(loaded('at_counter'), 0);
  }
  burn(50);
  ok((await runsOf(started, 8)) > 10);
});
