import type { Column } from '@skep/bpf';
import { RuntimeError } from '../errors.ts';
import { LATENCY_SLOTS } from '../series/latency-slots.ts';
import type { MapFacts } from './plan.ts';
import { namedColumn, numericScalars, valueColumns } from './roles.ts';

/**
 * How a hist_ map holds its distribution.
 *
 * - `slots`: the value has an array; element i counts observations from 2^i up to 2^(i+1)-1 (libbpf-tools, bcc), or
 *   those of a slot of skep_latency.h.
 * - `slot_key`: the key (a member `slot`, or an array's index) is that i, the value the count.
 * - `value_key`: a member of the key (`le`, or the one asked for) is the observed value, the value how often.
 * - `sampled`: none of these: each value found changed at a poll is one observation.
 */
export interface MapHistogram {
  readonly form: 'slots' | 'slot_key' | 'value_key' | 'sampled';
  /** Column of the value: the array, the count, or the observed number. */
  readonly value: number;
  /** Column of the key that is no label. */
  readonly keyColumn?: number;
  /** Column of the value that has the sum of what was observed. */
  readonly sum?: number;
  /** Number of slots. */
  readonly slots?: number;
  /** They are those of skep_latency.h, not powers of two. */
  readonly latency?: boolean;
}

export interface HistogramWish {
  /** Member of the key to take as the observed value. */
  keyColumn?: string;
  /** Member of the value to observe. */
  valueColumn?: string;
  /** The whole key is a slot's number. */
  slotKey: boolean;
  /** The map's tag `skep:slots=`. */
  slots?: string;
}

/** Finds the form; see {@link MapHistogram} for the order. */
export function planMapHistogram(
  map: MapFacts,
  keys: readonly Column[],
  values: readonly Column[],
  wish: HistogramWish,
): MapHistogram {
  const numericKey = (name: string): number => numericScalars(keys).find((i) => keys[i]!.name === name) ?? -1;
  if (wish.keyColumn !== undefined) {
    const keyColumn = namedColumn(map.name, keys, wish.keyColumn);
    return { form: 'value_key', keyColumn, value: countColumn(map, values) };
  }
  if (wish.valueColumn !== undefined)
    return { form: 'sampled', value: namedColumn(map.name, values, wish.valueColumn) };
  const arrays = values.flatMap((c, i) => (slotCount(c) > 1 ? [i] : []));
  const slots = arrays.find((i) => values[i]!.name === 'slots') ?? arrays[0];
  if (slots !== undefined) {
    const sum = numericScalars(values).find((i) => ['sum', 'total'].includes(values[i]!.name));
    const count = slotCount(values[slots]!);
    return { form: 'slots', value: slots, sum, slots: count, latency: isLatency(map, count, wish.slots) };
  }
  if (numericKey('slot') >= 0)
    return { form: 'slot_key', keyColumn: numericKey('slot'), value: countColumn(map, values), slots: 64 };
  if (wish.slotKey)
    return {
      form: 'slot_key',
      keyColumn: 0,
      value: countColumn(map, values),
      slots: Math.min(64, map.maxEntries),
    };
  if (numericKey('le') >= 0)
    return { form: 'value_key', keyColumn: numericKey('le'), value: countColumn(map, values) };
  return { form: 'sampled', value: countColumn(map, values) };
}

function isLatency(map: MapFacts, count: number, slots: string | undefined): boolean {
  if (slots === undefined) return false;
  if (slots === 'latency' && count === LATENCY_SLOTS) return true;
  throw new RuntimeError(
    'SKEP_STREAM_INVALID',
    `map "${map.name}" has ${count} slots of a kind called "${slots}"`,
    'SKEP_LATENCY goes with an array of SKEP_LATENCY_SLOTS; without it slots are powers of two.',
  );
}

/** Inclusive upper bounds of `slots` power-of-two slots; the last slot also takes what lies above, so has none. */
export function log2Bounds(slots: number): number[] {
  return Array.from({ length: slots - 1 }, (_, i) => 2 ** (i + 1) - 1);
}

function countColumn(map: MapFacts, values: readonly Column[]): number {
  const columns = valueColumns(map.name, values);
  if (columns.length === 1) return columns[0]!;
  const count = columns.find((i) => ['count', 'value'].includes(values[i]!.name));
  if (count !== undefined) return count;
  throw new RuntimeError(
    'SKEP_STREAM_INVALID',
    `map "${map.name}": its value has several numbers and none is called count or value`,
    `Tag the one that counts with SKEP_VALUE, name it (--hist-value-key ${map.name},${values[columns[0]!]!.name}), or keep the slots in an array member.`,
  );
}

/** A stack is an array, too; what has a format of its own is no distribution. */
function slotCount(column: Column): number {
  return column.integers ?? 0;
}
