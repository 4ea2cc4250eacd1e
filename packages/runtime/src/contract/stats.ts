import type { ExportStats } from './exports.ts';
import type { HookChoice } from './hooks.ts';
import type { Lost, Missed } from './losses.ts';

export interface ProgramStats {
  readonly name: string;
  readonly object: string;
  readonly section: string;
  /** Sections of programs that are the same to the kernel, and were loaded as this one: its numbers are of all of them. */
  readonly also: readonly string[];
  readonly runs: bigint;
  readonly runTimeNs: bigint;
}

/** One of the probes of a run, and what of the run is its own. */
export interface RunProbe {
  readonly name: string;
  readonly objects: readonly string[];
  /** Names of its maps as {@link RunStats} has them, also of those that are not shown. */
  readonly maps: readonly string[];
}

export interface RunStats {
  /** The probes that run together, mostly one. */
  readonly probes: readonly RunProbe[];
  readonly startedAt: Date;
  /** Milliseconds since everything was attached. */
  readonly elapsedMs: number;
  /** Events read, by map, filtered ones too. Ring and perf buffers only. */
  readonly events: Readonly<Record<string, number>>;
  /** Events that a filter kept from the sinks, by map. */
  readonly filtered: Readonly<Record<string, number>>;
  readonly lost: readonly Lost[];
  /** Maps whose probe does not count what found no room, so that `lost` cannot name it. */
  readonly lossUnknown: readonly string[];
  /** Of those, how often buffer or hash was found full: the sign that something probably was lost. */
  readonly foundFull: Readonly<Record<string, number>>;
  /** LRU hashes that were so full that the kernel may have forgotten entries, of which it counts none. */
  readonly evictionsUnknown: readonly string[];
  readonly missed: readonly Missed[];
  /** Programs of which this kernel does not tell all the runs they missed, so that `missed` cannot name them. */
  readonly missesUnknown: readonly string[];
  readonly programs: readonly ProgramStats[];
  /** Whether the kernel counts runs and run times; if not, those of `programs` are zero and mean nothing. */
  readonly programStats: boolean;
  /** Each group of hooks that the probe offers a choice for, and which rung this kernel took. */
  readonly hooks: readonly HookChoice[];
  /** What sinks sent elsewhere, by signal; empty without such sinks. */
  readonly exports: readonly ExportStats[];
  readonly decodeErrors: number;
  readonly series: number;
  /** CPU of this process since the start, user and system, microseconds. */
  readonly ownCpuUs: number;
  /** What the user should be told once: an ignored map, a hook that was not taken. */
  readonly notes: readonly string[];
}

export type StopReason =
  | 'read'
  | 'stopped'
  | 'timeout'
  | 'max-events'
  | 'output-closed'
  | 'quit'
  | 'signal'
  | 'error';

export interface RunSummary extends RunStats {
  readonly reason: StopReason;
  /** What went wrong, when `reason` is `error`. */
  readonly error?: unknown;
}
