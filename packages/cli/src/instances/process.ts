import { readFileSync } from 'node:fs';

/** A process, so that another one that later gets its number is not taken for it. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot, from /proc/PID/stat. */
  readonly startTime: number;
  /** Of the kernel that it ran on: /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
}

/** The boot that is running. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** This process, or another one of now. @throws when there is no such process */
export function processId(pid: number = process.pid): ProcessId {
  const found = statOf(pid);
  if (!found) throw new Error(`there is no process ${pid}`);
  return { pid, startTime: found.startTime, bootId: bootId() };
}

/** Whether it still runs: the same number, start and boot, and not a zombie. */
export function isRunning({ pid, startTime, bootId: boot }: ProcessId): boolean {
  if (boot !== bootId()) return false;
  const found = statOf(pid);
  return found !== undefined && found.startTime === startTime && !'ZX'.includes(found.state);
}

/** Sends a signal to exactly this process. False when it is gone. */
export function signal(id: ProcessId, name: NodeJS.Signals): boolean {
  if (!isRunning(id)) return false;
  try {
    process.kill(id.pid, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** The name in the line may hold spaces and brackets; the last `)` ends it. */
function statOf(pid: number): { state: string; startTime: number } | undefined {
  let line: string;
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0]!, startTime: Number(fields[19]) };
}
