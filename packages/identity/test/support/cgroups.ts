import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { afterwards } from './started.ts';

let made = 0;

/** Mount points of every hierarchy of this machine, v1 and v2. */
function hierarchies(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((l) => / - cgroup2? /.test(l))
    .map((l) => l.split(' ')[4]!);
}

/** The name of a cgroup for this test alone; what engines make below it, in whatever hierarchy, goes with the test. */
export function cgroupName(t: TestContext): string {
  const name = `skep-identity-${process.pid}-${made++}`;
  afterwards(t, async () => {
    for (const point of hierarchies()) await remove(join(point, name));
  });
  return name;
}

/** Makes a cgroup in v2, and its path there. */
export function cgroup(t: TestContext, cgroup2: string, below: string): { path: string; dir: string } {
  const path = `/${cgroupName(t)}/${below}`;
  mkdirSync(cgroup2 + path, { recursive: true });
  return { path, dir: cgroup2 + path };
}

/**
 * An engine's helpers end a moment after the engine has answered, and v1 has no event for an empty cgroup: rmdir is
 * tried for five seconds, as runc does it.
 */
async function remove(dir: string): Promise<void> {
  if (!existsSync(dir)) return;
  for (const e of readdirSync(dir, { withFileTypes: true }))
    if (e.isDirectory()) await remove(join(dir, e.name));
  for (const last = performance.now() + 5_000; ; await setTimeout(10)) {
    try {
      rmdirSync(dir);
      return;
    } catch (e) {
      if (performance.now() > last) throw e;
    }
  }
}
