import { CliError } from '../errors.ts';
import { paranoidPerfEvents } from '../perf-events.ts';

/** What libbpf says of tracepoints, and of kprobes and uprobes. */
const OF_PERF_EVENTS = /perf_event_open\(\) failed|failed to create \S+ '.*' perf event/;

/**
 * The error of a run that could not attach since this kernel gives perf events to CAP_SYS_ADMIN alone; undefined for another error.
 *
 * @param have the capabilities of this process
 */
export function perfDenied(
  error: unknown,
  have: ReadonlySet<string>,
  paranoid: number | undefined = paranoidPerfEvents(),
): CliError | undefined {
  const { errno, log = '' } = error as { errno?: number; log?: string };
  const EACCES = 13;
  if (errno !== EACCES || !OF_PERF_EVENTS.test(log)) return undefined;
  if (paranoid === undefined || have.has('CAP_SYS_ADMIN')) return undefined;
  return new CliError(
    'SKEP_PERMISSION',
    `tracepoints, kprobes and uprobes are for CAP_SYS_ADMIN alone here: kernel.perf_event_paranoid is ${paranoid}`,
    'As root: sysctl kernel.perf_event_paranoid=2. Or with CAP_SYS_ADMIN too, which is given up once the probe is attached.',
    { cause: error },
  );
}
