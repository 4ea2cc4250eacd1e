import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Column, recordView, type Value } from '@skep/bpf';
import type { Row } from '../src/series/row.ts';
import type { Read } from '../src/sources/entry.ts';
import { PrintEntries } from '../src/sources/entry-print.ts';
import type { MapPlan } from '../src/streams/plan.ts';

const column = (name: string, kind: Column['kind'], offset: number, size: number): Column => ({
  name,
  kind,
  typeName: '',
  offset,
  size,
  numeric: kind === 'int',
  tags: [],
});

/** What a row shows of an entry whose value is `each` on each CPU. */
function shown(columns: readonly Column[], reads: readonly Read[], ...each: number[][]): Value[] {
  const stride = each[0]!.length;
  const plan = { values: columns.map((_, i) => i), valueDecoder: { columns } } as unknown as MapPlan;
  const entries = new PrintEntries(reads, plan, each.length, stride);
  const row: Value[] = [];
  const set = (i: number, value: Value) => {
    row[i] = value;
  };
  entries.read(0, recordView(new Uint8Array(each.flat())), 0);
  entries.settle(0, { set } as unknown as Row, true, 1);
  return row;
}

const u16 =
  (at: number): Read =>
  ({ dv }, o) =>
    dv.getUint16(o + at, true);
const bytes =
  (at: number, size: number): Read =>
  ({ u8 }, o) =>
    Array.from(u8.subarray(o + at, o + at + size));
const name =
  (at: number): Read =>
  ({ u8 }, o) =>
    u8[o + at] === 0 ? 'IDLE' : 'BUSY';

test("of a per-CPU map numbers are summed, in an array and in arrays of arrays too, and a CPU's own are not", () => {
  const table: Read = (view, o) => [u16(2)(view, o), u16(4)(view, o)];
  const nested: Read = (view, o) => [[u16(2)(view, o)], [u16(4)(view, o)]];
  const columns = [
    column('n', 'int', 0, 2),
    column('table', 'array', 2, 4),
    column('nested', 'array', 2, 4),
    column('mac', 'array', 6, 3),
    column('state', 'enum', 9, 1),
  ];
  const reads = [u16(0), table, nested, bytes(6, 3), name(9)];
  const one = [1, 0, 2, 0, 3, 0, 7, 8, 9, 1];
  const other = [5, 0, 10, 0, 20, 0, 7, 8, 9, 1];
  const none = one.map(() => 0);
  assert.deepEqual(shown(columns, reads, one, other), [6, [12, 23], [[12], [23]], [7, 8, 9], 'BUSY']);
  assert.deepEqual(shown(columns, reads, none, other), [5, [10, 20], [[10], [20]], [7, 8, 9], 'BUSY']);
  assert.deepEqual(shown(columns, reads, none, none), [0, [0, 0], [[0], [0]], [0, 0, 0], 'IDLE']);
});
