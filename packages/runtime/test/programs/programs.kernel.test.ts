import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { getPriority, release } from 'node:os';
import { afterEach, before, test } from 'node:test';
import { probeHook } from '@skep/bpf';
import { fixture } from '../../../../test/support/fixtures.ts';
import { Netns } from '../../../../test/support/netns.ts';
import { type Run, type RunRequest, startRun } from '../../src/index.ts';
import { rowsOf } from '../support/sinks.ts';

const root = process.getuid?.() === 0 ? false : 'needs root';
const [major, minor] = release().split('.').map(Number) as [number, number];
const since = (a: number, b: number) =>
  root || (major > a || (major === a && minor >= b) ? false : `Linux ${a}.${b} brings it`);

// A guest's kernel does not fetch modules by itself.
before(() => {
  if (!process.env.SKEP_GUEST || !since(6, 6)) return;
  for (const module of ['sch_ingress', 'cls_bpf']) execFileSync('modprobe', [module]);
});

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/** Runs a program that sees this process; returns what it counted, by number. */
async function run(file: string, more: Partial<RunRequest> = {}): Promise<(what: number) => Promise<number>> {
  const bytes = await fixture(new URL(`./${file}.bpf.c`, import.meta.url));
  const known = { only_pid: String(process.pid), only_syscall: process.arch === 'arm64' ? '141' : '140' };
  const uses = Buffer.from(bytes).includes('only_syscall') ? known : { only_pid: known.only_pid };
  const started: Run = await startRun({
    name: file,
    objects: [{ name: `${file}.o`, bytes }],
    params: uses,
    sinks: [],
    // No tick: what is read is fresh.
    intervalMs: 3_600_000,
    ...more,
  });
  ending.push(() => started.stop());
  return async (what) => Number((await rowsOf(started, 'counter_seen')).get(String(what)) ?? 0);
}

function calls(n: number): void {
  for (let i = 0; i < n; i++) getPriority();
}

test('functions, tail calls, kernel version and symbols, maps in maps, tries, queues, stacks', {
  skip: root,
}, async () => {
  const seen = await run('calls');
  calls(10);
  const expected = [40, 10, 10 * major, 10, 10, 20, 10, 20, 60];
  assert.deepEqual(await Promise.all(expected.map((_, i) => seen(i + 1))), expected);
});

const config = ['/proc/config.gz', `/boot/config-${release()}`].some((f) => existsSync(f));
test('an option of the kernel', {
  skip: root || (!config && "this machine has no kernel's configuration"),
}, async () => {
  const seen = await run('kconfig');
  calls(1);
  assert.ok([100, 250, 300, 1000].includes(await seen(1)), `${await seen(1)}`);
});

test('a timer rings', { skip: since(5, 15) }, async () => {
  const net = await Netns.make();
  ending.push(() => net[Symbol.dispose]());
  const seen = await run('timer', { attach: [`packet=lo,netns=${net.pid}`] });
  // Each packet starts it anew; the timer of the last one rings in any case.
  for (let i = 0; i < 500 && (await seen(2)) === 0; i++) await net.do('udp 1');
  const [packets, rings] = [await seen(1), await seen(2)];
  assert.ok(packets > 0, 'no packet was seen');
  assert.ok(rings > 0, `it was started by ${packets} packets, and did not ring`);
});

test('a socket keeps its number', { skip: root }, async () => {
  const net = await Netns.make();
  ending.push(() => net[Symbol.dispose]());
  const seen = await run('sockets', { attach: [`packet=lo,netns=${net.pid}`] });
  await net.do('udp 10');
  assert.equal(await seen(1), 10);
});

for (const [what, file, a, b] of [
  ['task', 'tasks', 5, 11],
  ['cgroup', 'groups', 6, 2],
] as const) {
  test(`a ${what} keeps its number`, { skip: since(a, b) }, async () => {
    const seen = await run(file);
    calls(10);
    assert.equal(await seen(1), 10);
  });
}

test('a file keeps its number', { skip: root || noLsm() }, async () => {
  const seen = await run('inodes');
  for (let i = 0; i < 10; i++) closeSync(openSync('/proc/self/maps', 'r'));
  assert.ok((await seen(1)) >= 1);
});

function noLsm(): string | false {
  if (probeHook('fentry').available !== true) return 'this kernel has no trampolines';
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

test('a bloom filter says that it never saw a number, or may have', { skip: since(5, 16) }, async () => {
  const seen = await run('bloom');
  calls(3);
  assert.deepEqual([await seen(1), await seen(2)], [1, 0]);
});

test('a ring from user space, and a loop', { skip: since(6, 1) }, async () => {
  const seen = await run('user');
  calls(3);
  assert.deepEqual([await seen(1), await seen(2), await seen(3)], [3, 9, 0]);
});

test('kernel functions', { skip: since(6, 2) }, async () => {
  const seen = await run('kfuncs');
  calls(3);
  assert.equal(await seen(1), 3);
});

test('pages of an arena', { skip: since(6, 9) }, async () => {
  const seen = await run('arena', { attach: [`entered=libc.so.6:getpriority,pid=${process.pid}`] });
  calls(3);
  assert.equal(await seen(1), 3);
});
