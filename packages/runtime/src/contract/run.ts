import type { BpfMap } from '@skep/bpf';
import type { LostReason } from './losses.ts';
import type { RunRequest } from './request.ts';
import type { SeriesRegistry } from './series.ts';
import type { RunStats, RunSummary, StopReason } from './stats.ts';
import type { Stream } from './stream.ts';

/** Where a member of a struct lies, bytes. */
export interface Member {
  readonly offset: number;
  readonly size: number;
}

/** A map of a run, for who reads or writes it without a stream in between. It is the run's: do not close it. */
export interface RawMap {
  readonly map: BpfMap;
  /** Members of the key's struct by name, from the object's BTF; empty where the key is a plain number. */
  readonly key: ReadonlyMap<string, Member>;
  /** The same of the value; for ring and perf buffers of the record. */
  readonly value: ReadonlyMap<string, Member>;
}

/** A running probe, or several. */
export interface Run {
  readonly name: string;
  /** The names of its probes, in the order of {@link RunRequest.objects}. */
  readonly probes: readonly string[];
  readonly streams: readonly Stream[];
  readonly series: SeriesRegistry;
  readonly intervalMs: number;
  stats(): RunStats;
  /**
   * A map by its name, loaded and as raw bytes: for state that is shared with the programs (what {@link RunRequest.rawMaps}
   * names, and any without a prefix), and for global variables: `.bss`, `.data`. From the sinks' `start` until the run has closed.
   * @throws RuntimeError SKEP_NO_MAP
   */
  map(name: string): RawMap;
  /**
   * Hands over what a ring or perf buffer holds now, before its turn: for who finds in one ring what only another explains.
   * Nothing happens where no map of this name is read so. Not to be called by a record of the same ring.
   */
  readNow(map: string): void;
  /** A sink dropped `count` records of a map. */
  countLost(map: string, reason: LostReason, count: number): void;
  /** Resolves, never rejects, when all is detached, drained and the sinks have stopped. */
  readonly closed: Promise<RunSummary>;
  /** Detaches, drains what is there, stops the sinks. May be called more than once. */
  stop(reason?: StopReason, error?: unknown): Promise<RunSummary>;
}
