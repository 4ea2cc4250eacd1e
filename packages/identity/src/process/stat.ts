/** What /proc/PID/stat says. */
export interface Stat {
  comm: string;
  /** R, S, D, Z (ended, its parent has not looked yet), … */
  state: string;
  ppid: number;
  /** A thread of the kernel: no program, no memory. */
  kernelThread: boolean;
  threads: number;
  /** Clock ticks (1/100 s) since boot. */
  startTime: number;
}

const PF_KTHREAD = 0x00200000;

/** Reads a line of /proc/PID/stat. The name in it may contain spaces and brackets; the last `)` ends it. */
export function parseStat(line: string): Stat | undefined {
  const open = line.indexOf('(');
  const close = line.lastIndexOf(')');
  if (open < 0 || close < open) return undefined;
  const fields = line.slice(close + 2).split(' ');
  const startTime = Number(fields[19]);
  if (!Number.isSafeInteger(startTime)) return undefined;
  return {
    comm: line.slice(open + 1, close),
    state: fields[0]!,
    ppid: Number(fields[1]),
    kernelThread: (Number(fields[6]) & PF_KTHREAD) !== 0,
    threads: Number(fields[17]),
    startTime,
  };
}

/**
 * Converts the kernel's start time of a task (`task->start_boottime`, nanoseconds) to the ticks of /proc/PID/stat, as
 * the kernel does: USER_HZ is 100 on every architecture that we run on.
 */
export function ticksOfNanoseconds(ns: number | bigint): number {
  return Number(BigInt(ns) / 10_000_000n);
}
