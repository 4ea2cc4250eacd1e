import { readdirSync, readFileSync } from 'node:fs';
import { BpfError } from '../errors.ts';
import { onlineCpus } from '../kernel/cpus.ts';
import { Errno } from '../kernel/errno.ts';
import { isNativeError, native } from '../native.ts';
import type { AttachOptions } from './attach.ts';
import { attachError } from './attach-error.ts';
import type { Plan } from './plan.ts';
import type { Hook } from './target.ts';

const HARDWARE = 0;
const SOFTWARE = 1;

/** Events by the names that perf(1) has for them: type and config of perf_event_open(2). */
const events: Readonly<Record<string, readonly [type: number, config: number]>> = {
  'cpu-clock': [SOFTWARE, 0],
  'task-clock': [SOFTWARE, 1],
  'page-faults': [SOFTWARE, 2],
  'context-switches': [SOFTWARE, 3],
  'cpu-migrations': [SOFTWARE, 4],
  cycles: [HARDWARE, 0],
  instructions: [HARDWARE, 1],
  'cache-references': [HARDWARE, 2],
  'cache-misses': [HARDWARE, 3],
  branches: [HARDWARE, 4],
  'branch-misses': [HARDWARE, 5],
};

/** The clocks count nanoseconds, and the kernel lets none of them run out more often than each 10 us. */
const CLOCKS = ['cpu-clock', 'task-clock'];
const SHORTEST_NS = 10_000;

/** What the kernel answers with EINVAL, or, for a rate that was written as a count, by sampling all the time. */
function checkSampling(hook: Hook, event: string, options: AttachOptions): void {
  const { cpu, sampleFrequency = 49, samplePeriod } = options;
  const refuse = (why: string, hint: string): never => {
    throw new BpfError('SKEP_ARGUMENT', `Program "${hook.program}" cannot be attached: ${why}`, {
      hint,
      object: hook.program,
    });
  };
  if (cpu !== undefined && !onlineCpus().includes(cpu))
    refuse(`there is no CPU ${cpu}`, `Online: ${onlineCpus().join(', ')}.`);
  if (samplePeriod !== undefined) {
    if (CLOCKS.includes(event) && samplePeriod < SHORTEST_NS)
      refuse(
        `a sample each ${samplePeriod} ns of ${event}`,
        `Write ${samplePeriod}hz for so many samples a second; a count is of nanoseconds, ${SHORTEST_NS} at least.`,
      );
    return;
  }
  const most = Number(readFileSync('/proc/sys/kernel/perf_event_max_sample_rate', 'utf8'));
  if (sampleFrequency > most)
    refuse(
      `${sampleFrequency} samples a second are more than this machine allows, ${most}`,
      'The kernel lowers the limit by itself when samples take long: sysctl kernel.perf_event_max_sample_rate.',
    );
}

/** The threads of a process; of one that is gone itself, so that the kernel says so. */
function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [pid];
  }
}

/** A clock or a counter on each CPU, or on one, or one that follows each thread of a process and those they start. */
export function planPerfEvent(hook: Hook, options: AttachOptions): Plan {
  const { pid = -1, sampleFrequency = 49, samplePeriod, event = 'cpu-clock' } = options;
  if (!Object.hasOwn(events, event)) {
    throw new BpfError('SKEP_ARGUMENT', `Program "${hook.program}" cannot be attached: no event "${event}"`, {
      hint: `Events: ${Object.keys(events).join(', ')}.`,
      object: hook.program,
    });
  }
  const [type, config] = events[event]!;
  checkSampling(hook, event, options);
  const cpus = options.cpu !== undefined ? [options.cpu] : pid >= 0 ? [-1] : onlineCpus();
  const fds: number[] = [];
  // An attached event belongs to its link.
  const release = (attached: number) => {
    for (const fd of fds.slice(attached)) native().fdClose(fd);
  };
  const frequency = samplePeriod === undefined;
  const followed = new Set<number>();
  const open = (task: number): void => {
    followed.add(task);
    try {
      for (const cpu of cpus)
        fds.push(
          native().perfOpen(type, config, samplePeriod ?? sampleFrequency, frequency, false, 0, task, cpu),
        );
    } catch (cause) {
      // A thread that ended since it was listed.
      if (!isNativeError(cause) || cause.errno !== Errno.ESRCH || task === pid) throw cause;
    }
  };
  try {
    if (pid < 0) open(pid);
    // Until there are no new ones: a thread that was not followed yet may have started another.
    else
      for (let more = [pid]; more.length > 0; more = threadsOf(pid).filter((t) => !followed.has(t)))
        more.forEach(open);
  } catch (cause) {
    release(0);
    if (!isNativeError(cause)) throw cause;
    const rate = frequency ? `${sampleFrequency} Hz` : `every ${samplePeriod}`;
    throw attachError({ ...hook, target: `${event} (${rate})` }, cause);
  }
  return { steps: fds.map((number) => ({ how: 'perf_event', number })), release };
}
