import type { RecordView } from '../decode/types.ts';

/**
 * What a reader calls for each record: where it lies in {@link RecordReader.view}, in bytes. A perf buffer pads
 * records, so their length may be up to 7 bytes more than the program sent.
 */
export type OnRecord = (offset: number, length: number) => void;

/**
 * Reads records that BPF programs send, where the kernel wrote them. One reader a map; it takes every record
 * away from all others.
 *
 * ```ts
 * using reader = openRingBuffer(object.map('events'));
 * reader.drain((offset, length) => console.log(decoder.decode(reader.view, offset, length)));
 * ```
 */
export interface RecordReader extends Disposable {
  /**
   * The mapped memory that offsets refer to. It is the kernel's: a record is only good until the callback
   * returns, and **writing to a ring buffer's records ends the process** (they are mapped read-only).
   * After {@link close} it has length 0.
   */
  readonly view: RecordView;
  /** Becomes readable when records arrive; see {@link Poller}. Belongs to the map or the reader. */
  readonly fd: number;
  /** Bytes it can hold, record headers included; for a perf buffer over all CPUs. */
  readonly capacity: number;
  /** Bytes written and not yet read. */
  readonly available: number;
  /**
   * Calls `onRecord` for each record there is when it is called, `limit` at most. Room is given back to the
   * programs every eighth of the buffer and at the end, also when `onRecord` throws: the record it threw at
   * counts as read.
   * @returns the count of records
   * @throws {BpfError} `SKEP_CLOSED`, `SKEP_STATE` when called from within `onRecord`
   */
  drain(onRecord: OnRecord, limit?: number): number;
  /**
   * Records the kernel says it could not deliver, so far. A ring buffer's loss is not known to the kernel:
   * there the program sees its reserve fail, and it is always 0.
   */
  lost(): bigint;
  /** Whether {@link lost} is all of it at any time: for perf buffers since Linux 6.0, for ring buffers never. */
  readonly countsLost: boolean;
  /** Gives the memory back; from within `onRecord` when the drain ends. A second call does nothing. */
  close(): void;
}
