/** A cgroup of its own for what a test starts: the probe is narrowed to it and sees nothing else of the machine. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type MemoryCgroup, makeMemoryCgroup } from '../../scripts/lib/memory-cgroup.ts';

const run = promisify(execFile);
let made = 0;

/** @param limitBytes how much memory may be used in it; plenty unless said */
export function testCgroup(limitBytes = 1 << 30): MemoryCgroup {
  return makeMemoryCgroup(`skep-test-${process.pid}-${++made}`, limitBytes);
}

/** Runs a program in the cgroup; how it ended is not an error. */
export async function runIn(cgroup: MemoryCgroup, program: string, ...args: string[]): Promise<string> {
  return runWith(cgroup, '', program, ...args);
}

/** The same with something for its stdin. */
export async function runWith(
  cgroup: MemoryCgroup,
  input: string,
  program: string,
  ...args: string[]
): Promise<string> {
  const enter = `${cgroup.enter} && exec "$@"`;
  try {
    const running = run('sh', ['-c', enter, 'sh', program, ...args]);
    // Most programs end without having read it; one that should have says so by what it prints.
    running.child.stdin?.on('error', () => undefined).end(input);
    return (await running).stdout;
  } catch (error) {
    if ('stdout' in (error as object)) return (error as { stdout: string }).stdout;
    throw error;
  }
}
