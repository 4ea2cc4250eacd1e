import type { RecordView } from '@skep/bpf';
import type { ExportStats } from './exports.ts';
import type { Run } from './run.ts';
import type { RunStats, RunSummary } from './stats.ts';
import type { Stream } from './stream.ts';

/**
 * Takes what a run yields. All methods but `name` are optional and called on the event loop's thread; a sink that
 * is slow must queue, say how much more it can take (`room`) and, when its queue is full, drop and count
 * (see {@link Run.countLost}).
 *
 * Order: `prepare` (while the objects load), `start` (loaded, nothing attached), `attached`, then `record`, `drained`,
 * `tick`, then `stop`, once, also when the start failed after `prepare`.
 */
export interface Sink {
  readonly name: string;
  /** Take what may be refused (a port, a file). Throwing here ends the run before anything is attached. */
  prepare?(): void | Promise<void>;
  /** Everything is loaded, nothing attached. Throwing here ends the run with nothing attached. */
  start?(run: Run): void | Promise<void>;
  /** Everything is attached: what happens from now on is seen. */
  attached?(): void;
  /**
   * One record of a stream with `yields: 'records'`, after filters. The bytes at `offset` are only there during
   * the call: copy what is kept. `timeMs`: milliseconds since 1970 with a fraction; the record's first
   * `timestamp_ns` or `boot_timestamp_ns` member where it has one, else when it was drained.
   */
  record?(stream: Stream, view: RecordView, offset: number, length: number, timeMs: number): void;
  /**
   * How many records it can take now without dropping any, asked before each batch. What is more waits in the
   * kernel's buffer as long as that has room. Any number unless said.
   */
  room?(): number;
  /** After every batch of records: the moment to write out. */
  drained?(): void;
  /** Each interval, with `run.series` up to date. Series with `changedAt === run.series.tick` changed since the last. */
  tick?(run: Run): void;
  /** Everything is detached and drained, `run.series` is final. */
  stop?(summary: RunSummary): void | Promise<void>;
  /** What became of what it sent elsewhere, for {@link RunStats.exports}. */
  exports?(): readonly ExportStats[];
}
