import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { run } from '../../scripts/lib/process.ts';
import { guestTests, kernelTests, type Part } from './guest-tests.ts';
import { arm64Header } from './kernel-types.ts';
import { GuestResults } from './results.ts';
import { kernelLine, kernels } from './table.ts';
import { type GuestResult, runInGuest } from './vm.ts';

const root = join(import.meta.dirname, '../..');
const kept = join(root, 'build/kept-objects');

/**
 * The kernels to run on: those for this machine's architecture, unless others are named; `all` are those too. One that is
 * named runs all that a guest runs, and so does the oldest; the newest, what a new kernel may break; those between them,
 * what kernels differ in.
 */
const own = kernels.filter((k) => k.architecture === process.arch).map((k) => k.name);
const named = process.env.SKEP_KERNELS?.split(/[ ,]+/).filter((k) => k !== '');
const wanted = named?.flatMap((k) => (k === 'all' ? own : k)) ?? [own[0]!, own.at(-1)!, ...own.slice(1, -1)];
function partOf(kernel: string): Part {
  if (named !== undefined || kernel === own[0]) return 'all';
  return kernel === own.at(-1) ? 'more' : 'core';
}
const foreign = wanted.some((k) => kernelLine(k).architecture !== process.arch);
const reporter = ['--test-reporter=./test/kernels/guest/reporter.ts', '--test-reporter-destination=stdout'];
/** Two at a time: alone, most of them wait for a compiler, for what they started, or for Node to start. */
const command = ['--test', '--test-concurrency=2', ...reporter, ...kernelTests()];

/** A run of the kernel tests: its tests, and whatever else was printed. */
class Run {
  readonly results = new GuestResults();
  readonly rest: string[] = [];

  line(text: string): void {
    if (!this.results.take(text)) this.rest.push(text);
  }

  /** Shows each test as one of ours, under the kernel's name. */
  async show(t: TestContext, kernel: string, code: number, log: string): Promise<void> {
    const { tests, notes } = this.results;
    for (const note of notes) t.diagnostic(`${kernel}: ${note}`);
    for (const { name, failure, skip } of tests) {
      await t.test(`${kernel}: ${name}`, (s) => {
        if (skip !== undefined) s.skip(skip);
        // Its own stack says where; ours would only name this file.
        if (failure !== undefined) throw new Error(`on kernel ${kernel}: ${failure}`);
      });
    }
    const slowest = [...tests].sort((a, b) => b.ms - a.ms).slice(0, 8);
    t.diagnostic(
      `slowest: ${slowest.map(({ name, ms }) => `${(ms / 1000).toFixed(0)} s ${name}`).join('; ')}`,
    );
    const tail = `${this.rest.slice(-30).join('\n')}\n${log.split('\n').slice(-25).join('\n')}`;
    assert.ok(tests.length > 0, `no test ran on kernel ${kernel}:\n${tail}`);
    const failed = tests.some((r) => r.failure !== undefined);
    assert.ok(code === 0 || failed, `the tests on kernel ${kernel} ended with ${code}:\n${tail}`);
    if (failed) t.diagnostic(`kernel ${kernel}, end of its log:\n${tail}`);
  }
}

// First here: it is quick, and what it compiles, the guests need not (bin/clang).
test('the running kernel', { timeout: 900_000 }, async (t) => {
  rmSync(kept, { recursive: true, force: true });
  mkdirSync(kept, { recursive: true });
  const clang = (await run('sh', ['-c', 'command -v clang'])).trim();
  const env = {
    ...process.env,
    NODE_TEST_CONTEXT: undefined,
    PATH: `${join(import.meta.dirname, 'bin')}:${process.env.PATH}`,
    SKEP_KEPT_OBJECTS: kept,
    SKEP_REAL_CLANG: clang,
    ...(foreign && { SKEP_ARM64_HEADERS: dirname(await arm64Header()) }),
  };
  const child = spawn(process.execPath, command, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const seen = new Run();
  createInterface({ input: child.stdout }).on('line', (line) => seen.line(line));
  const [code] = (await once(child, 'close')) as [number | null];
  await seen.show(t, 'own', code ?? 1, '');
});

/** Runs the kernel tests in a guest and gathers what they say, also when the guest does not end. */
async function guest(kernel: string): Promise<{ seen: Run; ended: GuestResult | Error; seconds: number }> {
  const seen = new Run();
  const started = performance.now();
  const ended = await runInGuest({
    kernel,
    kept,
    command: `node --test-force-exit ${reporter.join(' ')} test/kernels/guest/all.ts ${guestTests(partOf(kernel)).join(' ')}`,
    timeoutMs: 900_000,
    onLine: (line) => seen.line(line),
  }).catch((e: Error) => e);
  return { seen, ended, seconds: (performance.now() - started) / 1000 };
}

/**
 * A guest's tests use one processor (guest/init), so two guests at a time; three would only wait for each other.
 */
const running = new Map<string, ReturnType<typeof guest>>();
function start(): void {
  const next = wanted.find((k) => !running.has(k));
  if (next === undefined) return;
  const run = guest(next);
  running.set(next, run);
  void run.then(start);
}

for (const kernel of wanted) {
  test(`kernel ${kernel}`, { timeout: 960_000 }, async (t) => {
    if (running.size === 0) for (let i = 0; i < 2; i++) start();
    const { seen, ended, seconds } = await (running.get(kernel) as ReturnType<typeof guest>);
    t.diagnostic(`kernel ${ended instanceof Error ? kernel : ended.release}, ${seconds.toFixed(0)} s`);
    if (!(ended instanceof Error)) return seen.show(t, kernel, ended.code, ended.console);
    await seen.show(t, kernel, 0, ended.message);
    throw ended;
  });
}
