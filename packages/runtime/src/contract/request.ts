import type { ParamSetting } from '@skep/probe';
import type { Run } from './run.ts';
import type { Sink } from './sink.ts';
import type { RunStats } from './stats.ts';
import type { Stream } from './stream.ts';

/**
 * Says what a cgroup (v2, by its id) belongs to, by OpenTelemetry's names: `k8s.pod.name`, `container.id`. Undefined for what
 * belongs to nothing, or is gone. The same object for the same answer.
 */
export type PlaceOf = (cgroup: bigint) => Readonly<Record<string, string>> | undefined;

/** One object of a run. An image that bundles several gives several units of one probe; a run may have several probes. */
export interface RunUnit {
  /** Unique in its probe. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The path of a BTF file that stands in for the kernel's types, until the run has ended. */
  readonly types?: string;
  /**
   * What it is of: an image's reference, a file's name. {@link RunRequest.name} unless said. Objects of one probe share
   * the maps that say so and count each other's losses; objects of different probes have nothing in common.
   */
  readonly probe?: string;
  /** Parameters of this probe alone; what {@link RunRequest.params} says counts for more. */
  readonly params?: Readonly<Record<string, ParamSetting>>;
  /** The same as {@link RunRequest.attachDefaults}, for this probe alone. */
  readonly attachDefaults?: readonly string[];
  /** The same as {@link RunRequest.hooks}, which counts for more. */
  readonly hooks?: Readonly<Record<string, string>>;
  /** The same as {@link RunRequest.show}, for this probe alone; what that says of a map counts for more. */
  readonly show?: readonly string[];
}

export interface RunRequest {
  /** Shown as the probe's name. */
  name: string;
  objects: readonly RunUnit[];
  /** Values for parameters, as text; lists also as one text a value. A name may be in several objects: all get it. */
  params?: Readonly<Record<string, ParamSetting>>;
  /** `PROG=TARGET`, as `skep run --attach`: where programs go whose sections do not say, or go elsewhere. */
  attach?: readonly string[];
  /** The same from the image: counts for programs of which `attach` says nothing. */
  attachDefaults?: readonly string[];
  /** Rungs to be taken, by group of hooks; `none` leaves an optional group out. The best that this kernel has unless said. */
  hooks?: Readonly<Record<string, string>>;
  /** Whether programs without tags that are twins (an fentry and a kprobe of one function) are alternatives. Default true. */
  twins?: boolean;
  /** Judge all rungs by everything known of the kernel: {@link RunStats.hooks} then says of each whether it would run. */
  explain?: boolean;
  /** Run programs that can change what they look at (drop packets, write to user memory, send signals). */
  allowModify?: boolean;
  /** `[KIND=]MAP[:STRUCT]`: maps that are shown though no prefix of their names says so. */
  show?: readonly string[];
  /** `map,member,regex`; all of a map's filters must match. */
  filters?: readonly string[];
  /** `map,[1,2,3]`: upper bounds. */
  histBuckets?: readonly string[];
  /** `map,member`. */
  histValueKeys?: readonly string[];
  /**
   * Which buffers the streams that can have either use (skep.h's SKEP_EVENTS). Unless said, ring buffers where the
   * kernel has them (5.8), else perf buffers.
   */
  buffer?: 'ring' | 'perf';
  /** Prefixed maps that yield no stream, since somebody reads them by {@link Run.map}. */
  rawMaps?: readonly string[];
  /**
   * How long the records of a ring may wait before they are taken, milliseconds, by its map. Milliseconds to 20 unless said, by
   * the ring's size. Each look costs some 40 us, so that a ring with some records a second is better looked at some times a
   * second; only for one that does not fill meanwhile.
   */
  drainMs?: Readonly<Record<string, number>>;
  /** Directory on bpffs that gets every map but `.rodata`; made if absent. */
  pinMaps?: string;
  /** Directory on bpffs that gets every program by its function's name; made if absent. */
  pinProgs?: string;
  /** Between two polls of the maps and two ticks; 1000 unless said. */
  intervalMs?: number;
  /** Label sets a stream may have; 10,000 unless said. */
  maxSeries?: number;
  /**
   * When iterators that show rows are read: `once` (and the run ends by itself when it has nothing else to wait for),
   * `interval`: at each of its ends too, `hold`: once, and the run goes on. Iterators that fill maps are always read
   * before the maps are. Default `once`.
   */
  iterate?: 'once' | 'interval' | 'hold';
  /** Stop by itself after this time. */
  timeoutMs?: number;
  /** Stop when exactly this many records were handed out (or counted, when the probe prints none). */
  maxEvents?: number;
  /**
   * Give up all rights once everything is attached, for the whole process and for good: afterwards it can read, detach and
   * write out, and load or attach nothing more (`giveUpPrivileges` of @skep/bpf). `keep` names capabilities that stay beside
   * those that this run's reading needs. Not done unless said.
   */
  confine?: { readonly keep: readonly string[] };
  /**
   * Called once, and only when records name a cgroup: gives what says to which container and pod that belongs. The records'
   * {@link Stream.place} then tells.
   */
  places?: () => Promise<PlaceOf>;
  /** Keep run counts and times of the programs, which costs each run of a program two clock reads. Default true. */
  programStats?: boolean;
  sinks: readonly Sink[];
}
