import { readFileSync } from 'node:fs';

const PARANOID = '/proc/sys/kernel/perf_event_paranoid';

/**
 * kernel.perf_event_paranoid where it is above 2, else undefined. Above 2, kernels of Debian and Ubuntu give perf events to
 * CAP_SYS_ADMIN alone, whoever else has CAP_PERFMON: a patch of theirs, and 3 or 4 is what they begin with. By perf events
 * tracepoints, kprobes and uprobes are attached; fentry, tp_btf and raw_tp are not. Others take a number above 2 for 2.
 *
 * Seen on Debian's 5.10 and 6.1.
 */
export function paranoidPerfEvents(file: string = PARANOID): number | undefined {
  try {
    const value = Number(readFileSync(file, 'utf8'));
    return value > 2 ? value : undefined;
  } catch (error) {
    // A kernel without perf events, or a container that hides it.
    if (['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
