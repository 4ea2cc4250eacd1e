import { readFileSync } from 'node:fs';
import { BpfError } from '../errors.ts';

/** Counts a kernel CPU list such as `0-3,5`: 5. Undefined when it is not one. */
export function countCpuList(text: string): number | undefined {
  let count = 0;
  for (const part of text.trim().split(',')) {
    const m = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (!m) return undefined;
    const first = Number(m[1]);
    const last = Number(m[2] ?? m[1]);
    if (last < first) return undefined;
    count += last - first + 1;
  }
  return count;
}

function countFrom(path: string): number {
  const count = countCpuList(readFileSync(path, 'utf8'));
  if (count === undefined || count === 0) {
    throw new BpfError('SKEP_UNSUPPORTED', `${path} does not hold a list of CPUs`, {
      hint: 'Is /sys mounted? A container needs it, read-only is enough.',
      object: path,
    });
  }
  return count;
}

let possible: number | undefined;

/**
 * How many CPUs this kernel was set up for, plugged in or not: a per-CPU map holds one value for each.
 * From /sys/devices/system/cpu/possible; it cannot change while the kernel runs.
 */
export function possibleCpus(): number {
  possible ??= countFrom('/sys/devices/system/cpu/possible');
  return possible;
}

/** The numbers of the CPUs that run now, from /sys/devices/system/cpu/online. */
export function onlineCpus(): number[] {
  const out: number[] = [];
  const path = '/sys/devices/system/cpu/online';
  countFrom(path);
  for (const part of readFileSync(path, 'utf8').trim().split(',')) {
    const [first, last] = part.split('-').map(Number) as [number, number?];
    for (let cpu = first; cpu <= (last ?? first); cpu++) out.push(cpu);
  }
  return out;
}
