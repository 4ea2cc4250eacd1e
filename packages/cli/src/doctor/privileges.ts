import { paranoidPerfEvents } from '../perf-events.ts';
import { setcapAdvice } from '../run/preflight.ts';
import { type Check, essential, found, lacking } from './check.ts';

const area = 'This process';

/** What each capability is for. CAP_SYS_ADMIN includes the first two, as before Linux 5.8. */
const wanted: [name: string, use: string, needed: boolean][] = [
  ['CAP_BPF', 'load programs, make maps', true],
  ['CAP_PERFMON', 'read kernel memory, attach to kernel events', true],
  ['CAP_NET_ADMIN', 'programs on sockets, traffic and cgroups', false],
  ['CAP_SYS_ADMIN', 'mount tracefs and bpffs, look up programs of others', false],
  ['CAP_DAC_READ_SEARCH', "read tracefs and other users' programs, for tracepoints and uprobes", false],
  ['CAP_SYSLOG', 'see kernel addresses, for stacks by name', false],
];

/** The capabilities of this process. */
export function checkPrivileges(have: ReadonlySet<string>): Check[] {
  const isRoot = process.geteuid?.() === 0;
  const checks = wanted.map(([name, use, needed]) => {
    const has = have.has(name) || (needed && have.has('CAP_SYS_ADMIN'));
    const check = has ? found(area, name, use) : lacking(area, name, use, mend(name, needed, isRoot));
    return needed ? essential(check) : check;
  });
  return [...checks, perfEvents(have)];
}

/** Tracepoints, kprobes and uprobes are attached by them. */
function perfEvents(have: ReadonlySet<string>): Check {
  const paranoid = paranoidPerfEvents();
  const may = paranoid === undefined || have.has('CAP_SYS_ADMIN');
  if (may) return found(area, 'perf events', 'attach tracepoints, kprobes and uprobes');
  const detail = `kernel.perf_event_paranoid is ${paranoid}: on Debian and Ubuntu for CAP_SYS_ADMIN alone`;
  return lacking(area, 'perf events', detail, 'sudo sysctl kernel.perf_event_paranoid=2');
}

function mend(name: string, needed: boolean, isRoot: boolean): string {
  // A root without it is one in a container or a service.
  if (isRoot)
    return `docker run --cap-add ${name.replace('CAP_', '')} …, or AmbientCapabilities=${name} in the unit`;
  return needed ? `sudo skep doctor\n${setcapAdvice()}` : 'sudo skep doctor';
}
