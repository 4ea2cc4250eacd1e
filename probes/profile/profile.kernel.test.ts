import { ok } from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { skip } from '../support/skip.ts';
import { watch } from '../support/watch.ts';

/**
 * Burns half a second of processor time in a function of its own, says so, and stays. It does not go by time alone: a guest's
 * clock runs on while a busy host gives the emulator nothing, and half a second may pass in one turn of the loop.
 */
const BURN = `
function burnProcessorTime() {
  let s = 0;
  const from = process.cpuUsage();
  for (let turn = 0; turn < 50 || process.cpuUsage(from).user < 500000; turn++)
    for (let i = 0; i < 1e5; i++) s += Math.sqrt(i);
  return s;
}
process.stdin.once('data', () => { burnProcessorTime(); console.log('burnt'); });
process.stdin.resume();
`;

/** @returns the processor time that the child took for it, in ticks of a hundredth of a second */
async function burn(child: ChildProcess): Promise<number> {
  const before = ticks(child.pid!);
  child.stdin!.write('\n');
  for await (const _ of createInterface({ input: child.stdout! })) break;
  return ticks(child.pid!) - before;
}

/** utime and stime (proc(5)). */
function ticks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

test('profile counts the stacks that run, of the program and of the kernel', { skip }, async () => {
  const child = spawn(process.execPath, ['--perf-basic-prof', '-e', BURN], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    let burnt = 0;
    const seen = await watch('profile', { target_pid: String(child.pid) }, async () => {
      burnt = await burn(child);
    });
    const rows = seen.series('counter_cpu_samples');
    const samples = rows.reduce((sum, { value }) => sum + value, 0);
    // 49 a second of what the kernel itself says the child ran, and what is left of Node's start.
    ok(samples >= burnt * 0.2 && samples <= burnt + 50, `${samples} samples of ${burnt} ticks`);
    ok(rows.every(({ labels }) => labels.pid === child.pid));
    const stacks = rows.map(({ labels }) => labels.user_stack as string[]);
    ok(
      stacks.some((frames) => frames.some((f) => / \(node\)$/.test(f))),
      'frames of Node itself',
    );
    ok(
      stacks.some((frames) => frames.some((f) => /burnProcessorTime.* \(jit\)$/.test(f))),
      stacks.join('\n'),
    );
  } finally {
    child.kill('SIGKILL');
    rmSync(`/tmp/perf-${child.pid}.map`, { force: true });
  }
});
