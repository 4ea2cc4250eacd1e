import type { Column, Decoder, RecordView, Value } from '@skep/bpf';
import type { Frame } from '@skep/bpf/symbols';
import type { RunRequest, RunUnit } from './request.ts';
import type { Series } from './series.ts';

/** A stack of return addresses, named when it is first looked at. */
export interface Stack {
  readonly side: 'kernel' | 'user';
  /** Innermost first. */
  readonly frames: readonly Frame[];
  /** Functions without offsets, innermost first; `[unknown]`, `[libfoo.so]` where nobody knows them. */
  readonly names: readonly string[];
  /** `none`: there was no such stack (a kernel thread has none of a user). `lost`: the probe's map had no room for it. */
  readonly missing?: 'none' | 'lost';
}

/** What a map's name prefix makes of it: `print_`, `counter_`, `gauge_`, `hist_`. */
export type StreamKind = 'print' | 'counter' | 'gauge' | 'hist';

/** Where a stream's data comes from: a ring buffer, a perf buffer, a hash or array that is polled, an iterator that is read. */
export type StreamSource = 'ring' | 'perf' | 'map' | 'iter';

/** A number as the kernel has it: a bigint only when it does not fit a double exactly. */
export type Num = number | bigint;

/**
 * One column of a stream, in the order to show it: for records the members of the event, for series first the
 * labels, then the values. Members tagged `skep:private` are left out.
 */
export interface Field {
  /** Flattened path, `addr.port`; a map's scalar key is `key`, a lone value is `value`. Unique in its stream. */
  readonly name: string;
  /** `label`: identifies a series. `value`: the number of a series. `field`: a member of a record. */
  readonly role: 'field' | 'label' | 'value';
  /** Sorts as a number. */
  readonly numeric: boolean;
  /** From `skep:unit=`, or from the typedef (`duration_ns` → `ns`, `bytes_t` → `bytes`). */
  readonly unit?: string;
  /** From `skep:help=`. */
  readonly help?: string;
  /** Index into the decoder's `columns`; absent for a number the runtime makes (an event count, a histogram). */
  readonly column?: number;
  /** The decoder's own column. Absent as `column` is. */
  readonly source?: Column;
}

/**
 * What one prefixed map yields.
 *
 * `yields: 'records'` (print_ on a ring or perf buffer, an iterator that writes): each event goes to `Sink.record` once.
 * `yields: 'series'` (everything else): rows live in `run.series`, updated in place.
 */
export interface Stream {
  /** Position in `run.streams`. */
  readonly id: number;
  /**
   * The map's name, prefix included (an iterator's: the program's). Where two objects have a map of that name it is
   * `map@object`, where two probes have one `map@probe`: no two streams of a run are called the same.
   */
  readonly map: string;
  /** The map's name without its prefix. */
  readonly name: string;
  /** The object the map is from. */
  readonly object: string;
  /** The probe the object is of; see {@link RunUnit.probe}. */
  readonly probe: string;
  /** `ringbuf`, `hash`, `percpu_array`, … */
  readonly mapType: string;
  readonly kind: StreamKind;
  readonly source: StreamSource;
  readonly yields: 'records' | 'series';
  readonly fields: readonly Field[];
  /** All columns of the record, or of the map's key; `Field.column` points into it for records and labels. */
  readonly columns: readonly Column[];
  /** Decodes a record (ring, perf) or a key (map). Absent for a map without type information. */
  readonly decoder?: Decoder;
  readonly help?: string;
  readonly unit?: string;
  /**
   * Whether events that found no room in the buffer are counted: always for perf buffers, for ring buffers only
   * where the probe counts (`<map>_lost`), and true for maps, which lose nothing of what is in them.
   */
  readonly lossKnown: boolean;
  /** False for a histogram of which nobody keeps the sum of what was observed, as where a probe counts in slots. */
  readonly hasSum?: boolean;
  /** Which columns are stacks; `stacks()` and {@link Series.stacks} are in their order. Empty for most streams. */
  readonly stackColumns: readonly { readonly column: number; readonly side: 'kernel' | 'user' }[];
  /**
   * What the record's first `cgroup_id_t` member belongs to; there only for records that have one, where
   * {@link RunRequest.places} was given.
   */
  place?(view: RecordView, offset: number): Readonly<Record<string, string>> | undefined;
  /** The stacks of the record at `offset`. Only for `yields: 'records'`. */
  stacks(view: RecordView, offset: number): readonly Stack[];
  /** Equal for records of equal stacks, without a look at these. Only for `yields: 'records'`. */
  stackIdentity(view: RecordView, offset: number): string;
  /** Text of `fields[i]` of the record at `offset`, as a person reads it. Only for `yields: 'records'`. */
  text(i: number, view: RecordView, offset: number): string;
  /** Value of `fields[i]` of the record at `offset`. Only for `yields: 'records'`. */
  read(i: number, view: RecordView, offset: number): Value;
  /**
   * The same written as UTF-8 into `out` from `position`; returns the position after it, or -1 when there may not
   * be room enough. Only for `yields: 'records'`.
   */
  jsonInto(out: RecordView, position: number, view: RecordView, offset: number, length: number): number;
  /** The record at `offset` as JSON text, private members left out. Only for `yields: 'records'`. */
  json(view: RecordView, offset: number, length: number): string;
}
