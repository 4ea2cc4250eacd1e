import type { Environment } from './process/environ.ts';

/** A process has become another program. Whatever the kernel did not tell may be left out. */
export interface ExecEvent {
  pid: number;
  /** Ticks since boot; {@link ticksOfNanoseconds} makes them of the kernel's `start_boottime`. */
  startTime?: number;
  ppid?: number;
  comm?: string;
  /** The program's path. */
  exe?: string;
  argv?: readonly string[];
  uid?: number;
  /** As bpf_get_current_cgroup_id gives it. */
  cgroupId?: bigint;
  /** What of its environment names a service: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, DD_SERVICE. */
  environment?: Environment;
  /** When, by the clock of the options. Default: now */
  time?: number;
}

export interface ExitEvent {
  pid: number;
  startTime?: number;
  time?: number;
}

/** A process has made another, which is the same program until it execs. */
export interface ForkEvent {
  pid: number;
  startTime?: number;
  ppid: number;
  time?: number;
}
