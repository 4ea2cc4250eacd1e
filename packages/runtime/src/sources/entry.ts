import type { RecordView, Value } from '@skep/bpf';
import type { Row } from '../series/row.ts';

/** What is remembered of one entry of a map. */
export interface Entry {
  /** The poll that saw it last. */
  epoch: number;
  row: Row | undefined;
  /** As read now. */
  now: Value[];
  /** As it went into the row. */
  last: Value[];
  /** It went into the row at least once. */
  known: boolean;
  /** There was no room for a row. */
  leftOut: boolean;
}

/** What a prefix makes of an entry. */
export interface EntryKind {
  make(): Entry;
  /** First value in this poll. */
  read(entry: Entry, view: RecordView, offset: number): void;
  /** A further raw entry with the same key. */
  more(entry: Entry, view: RecordView, offset: number): void;
  /** `keys` and `keyAt` are the entry's key. */
  settle(entry: Entry, row: Row, tick: number, keys: RecordView, keyAt: number): void;
  /** The entry is gone. */
  leave(entry: Entry, row: Row, tick: number): void;
}

/** Reads one column of a record. */
export type Read = (view: RecordView, offset: number) => Value;

/** An entry that no poll has seen. */
export function newEntry(): Entry {
  return { epoch: 0, row: undefined, now: [], last: [], known: false, leftOut: false };
}
