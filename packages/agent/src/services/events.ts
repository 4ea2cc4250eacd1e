import { type Environment, ticksOfNanoseconds } from '@skep/identity';
import type { Run } from '@skep/runtime';
import { offsets } from '../kernel/layout.ts';
import type { Processes } from './processes.ts';

type View = { readonly u8: Uint8Array; readonly dv: DataView };

/** enum process_change (probes/processes/processes.c). */
const FORK = 0;
const EXEC = 1;

/** Reads records of print_processes, and tells what they say. */
export function processEvents(run: Pick<Run, 'map'>, processes: Processes) {
  const o = offsets(run.map('print_processes').value, 'process_event', [
    'time',
    'change',
    'pid',
    'ppid',
    'uid',
    'started',
    'cgroup',
    'comm',
    'exe',
    'args',
    'otel_service_name',
    'otel_resource_attributes',
    'dd_service',
  ]);
  /** The variables that name a service, as far as they were set. */
  const environment = (u8: Uint8Array, at: number): Environment | undefined => {
    let found: Map<string, string> | undefined;
    for (const [name, member, most] of [
      ['OTEL_SERVICE_NAME', o.otel_service_name, 64],
      ['OTEL_RESOURCE_ATTRIBUTES', o.otel_resource_attributes, 256],
      ['DD_SERVICE', o.dd_service, 64],
    ] as const) {
      if (u8[at + member] === 0) continue;
      found ??= new Map();
      const value = text(u8, at + member, most);
      // Of a list the last pair goes with half of its value.
      const cut = member === o.otel_resource_attributes && wasCut(u8, at + member, most);
      found.set(name, cut ? value.slice(0, Math.max(0, value.lastIndexOf(','))) : value);
    }
    return found;
  };
  return ({ u8, dv }: View, at: number): void => {
    const change = dv.getUint32(at + o.change, true);
    const pid = dv.getUint32(at + o.pid, true);
    const startTime = ticksOfNanoseconds(dv.getBigUint64(at + o.started, true));
    if (change === FORK) {
      // A child of fork: its parent is who made it.
      processes.fork({ pid, startTime, ppid: dv.getUint32(at + o.ppid, true) });
    } else if (change === EXEC) {
      const args = text(u8, at + o.args, 256).split(' ');
      // Half a word is another: a program would be called by half its path.
      if (wasCut(u8, at + o.args, 256)) args.pop();
      processes.exec({
        pid,
        startTime,
        ppid: dv.getUint32(at + o.ppid, true),
        uid: dv.getUint32(at + o.uid, true),
        cgroupId: dv.getBigUint64(at + o.cgroup, true),
        comm: text(u8, at + o.comm, 16),
        exe: wasCut(u8, at + o.exe, 128) ? undefined : text(u8, at + o.exe, 128),
        argv: args.length > 0 && args[0] !== '' ? args : undefined,
        environment: environment(u8, at),
      });
    } else processes.exit({ pid, startTime });
  };
}

/** Whether a text fills its place, but for the zero at the end: there may have been more of it. */
function wasCut(u8: Uint8Array, from: number, most: number): boolean {
  return u8[from + most - 2] !== 0;
}

const decoder = new TextDecoder();

function text(u8: Uint8Array, from: number, most: number): string {
  const bytes = u8.subarray(from, from + most);
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}
