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
      found.set(
        name,
        member === o.otel_resource_attributes ? wholePairs(value, u8[at + member + most - 2]!) : value,
      );
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
      const args = text(u8, at + o.args, 256);
      processes.exec({
        pid,
        startTime,
        ppid: dv.getUint32(at + o.ppid, true),
        uid: dv.getUint32(at + o.uid, true),
        cgroupId: dv.getBigUint64(at + o.cgroup, true),
        comm: text(u8, at + o.comm, 16),
        exe: text(u8, at + o.exe, 128),
        argv: args === '' ? undefined : args.split(' '),
        environment: environment(u8, at),
      });
    } else processes.exit({ pid, startTime });
  };
}

/** Of a list that was cut, as its last byte but the zero says, what stands before the last pair: half of a value is another value. */
function wholePairs(list: string, last: number): string {
  return last === 0 ? list : list.slice(0, Math.max(0, list.lastIndexOf(',')));
}

const decoder = new TextDecoder();

function text(u8: Uint8Array, from: number, most: number): string {
  const bytes = u8.subarray(from, from + most);
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}
