import type { RecordView, Value } from '@skep/bpf';
import type { Row } from '../series/row.ts';

/** What a prefix makes of a map's entries: their values, by the slot of their key. */
export interface Entries {
  /** First value in this refresh. */
  read(slot: number, view: RecordView, offset: number): void;
  /** A further raw entry with the same key. */
  more(slot: number, view: RecordView, offset: number): void;
  /** What was read goes into the row; `first` for the first time. `keys` and `keyAt` are the entry's key. */
  settle(slot: number, row: Row, first: boolean, tick: number, keys: RecordView, keyAt: number): void;
  /** The entry is gone from its row. */
  leave(slot: number, row: Row, tick: number): void;
  /** Nothing is to be kept of the slot: another key may get it. */
  forget(slot: number): void;
}

/** Reads one column of a record. */
export type Read = (view: RecordView, offset: number) => Value;
