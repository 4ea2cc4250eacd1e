import type { Value } from '@skep/bpf';
import type { Num, Stack, Stream } from './stream.ts';

/** A histogram's state. Not cumulative: `counts[i]` values were ≤ `bounds[i]` and above the bound before. */
export interface HistogramState {
  /** Upper bounds, inclusive, ascending. */
  readonly bounds: readonly number[];
  /** One more than `bounds`: the last counts what lies above them all. */
  readonly counts: ArrayLike<number>;
  /** All observations. */
  readonly count: number;
  /** Sum of the observed values; undefined where the kernel side keeps only slots. */
  readonly sum: number | undefined;
}

/** One row of a stream with `yields: 'series'`. Updated in place; `id` is never used again in a run. */
export interface Series {
  readonly id: number;
  readonly stream: Stream;
  /** Label names and texts, in the order of the stream's label fields. Empty for the overflow series. */
  readonly labels: readonly (readonly [name: string, text: string])[];
  /** The labels as JSON has them (numbers as numbers, nested structs nested). */
  readonly data: Record<string, Value>;
  /** The labels that are stacks, in the order of the stream's `stackColumns`. */
  readonly stacks: readonly Stack[];
  /** One for each value field of the stream. Always {@link Num} unless `stream.kind` is `print`. */
  readonly values: readonly Value[];
  /** The first numeric value: the count of a counter or histogram. 0 if there is none. */
  readonly value: Num;
  readonly histogram?: HistogramState;
  /** The tick (see {@link SeriesRegistry.tick}) in which a value last changed, or the series appeared. */
  readonly changedAt: number;
  /** Collects what came after `maxSeries` were taken. */
  readonly overflow: boolean;
  /** Passes the run's filters. Sinks for people (view, JSON) leave out the others; metrics have them all. */
  readonly shown: boolean;
  /** Text of `stream.fields[i]`, as a person reads it. */
  text(i: number): string;
}

/** All series of a run. Iteration is by stream, then by age. */
export interface SeriesRegistry extends Iterable<Series> {
  readonly size: number;
  /** Number of the current interval; grows after the sinks' `tick`. */
  readonly tick: number;
  of(stream: Stream): Iterable<Series>;
  count(stream: Stream): number;
  /**
   * Reads the kernel's maps and folds in what was counted; cheap when called again within 50 ms, and whoever asks
   * while a refresh is under way waits for that one. Large maps are read in slices, between which the event loop
   * goes on; until the promise resolves, rows may be partly of this refresh and partly of the last.
   */
  refresh(): Promise<void>;
}
