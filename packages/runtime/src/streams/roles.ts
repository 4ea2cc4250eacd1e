import type { Column } from '@skep/bpf';
import type { StreamKind } from '../contract/stream.ts';
import { listed, RuntimeError } from '../errors.ts';
import { stackKind } from './stack-columns.ts';
import { readTags } from './tags.ts';

/** Which columns of a record are labels and which are numbers. Indexes into the decoder's columns. */
export interface Roles {
  readonly labels: readonly number[];
  readonly values: readonly number[];
}

const NUMBERS = new Set(['int', 'float']);

/** Columns that may leave the kernel side. */
export function visible(columns: readonly Column[]): number[] {
  return columns.flatMap((c, i) => (readTags(c.tags).private ? [] : [i]));
}

/** Columns that can be counted: whole numbers and floats, booleans where there is neither; the id of a stack is none. */
export function numericScalars(columns: readonly Column[]): number[] {
  const shown = visible(columns);
  const numbers = shown.filter(
    (i) => columns[i]!.numeric && NUMBERS.has(columns[i]!.kind) && !stackKind(columns[i]!),
  );
  return firstOf(
    numbers,
    shown.filter((i) => columns[i]!.kind === 'bool'),
  );
}

/**
 * Roles in a ring or perf record.
 *
 * - counter: members tagged `skep:value` are added; without one every event counts 1.
 * - gauge: tagged members, else the one named `value`, else the last number.
 * - hist: `valueKey`, else the tagged member, else `le`, else `value`, else the last number.
 *
 * Everything else is a label, but for an array without a length, which is in no key; where a member is tagged
 * `skep:label`, only those.
 *
 * @throws RuntimeError SKEP_STREAM_INVALID when there is no number to take, SKEP_HIST_INVALID for a wrong key
 */
export function recordRoles(
  map: string,
  kind: StreamKind,
  columns: readonly Column[],
  valueKey?: string,
): Roles {
  const shown = visible(columns);
  const numbers = numericScalars(columns);
  const tagged = numbers.filter((i) => readTags(columns[i]!.tags).value);
  const named = (name: string): number[] => numbers.filter((i) => columns[i]!.name === name);
  let values: number[] = [];
  if (kind === 'counter') values = tagged;
  else if (kind === 'gauge') values = firstOf(tagged, named('value'), numbers.slice(-1));
  else if (kind === 'hist') {
    values = valueKey
      ? [namedColumn(map, columns, valueKey)]
      : firstOf(tagged, named('le'), named('value'), numbers.slice(-1)).slice(0, 1);
  }
  if ((kind === 'gauge' || kind === 'hist') && values.length === 0) {
    throw new RuntimeError(
      'SKEP_STREAM_INVALID',
      `map "${map}": a ${kind === 'gauge' ? 'gauge' : 'histogram'} needs a member that is a number`,
      `It has ${listed(columns.map((c) => c.name))}; name the map print_${map.replace(/^[a-z]+_/, '')} to see its records.`,
    );
  }
  const labelled = shown.filter((i) => readTags(columns[i]!.tags).label);
  const labels = (labelled.length > 0 ? labelled : shown).filter(
    (i) => !values.includes(i) && columns[i]!.size > 0,
  );
  return { labels, values };
}

/**
 * The numbers in a map's value: those tagged `skep:value`, else all of them.
 *
 * @throws RuntimeError SKEP_STREAM_INVALID when there is none
 */
export function valueColumns(map: string, columns: readonly Column[]): number[] {
  const numbers = numericScalars(columns);
  const tagged = numbers.filter((i) => readTags(columns[i]!.tags).value);
  const values = firstOf(tagged, numbers);
  if (values.length === 0) {
    throw new RuntimeError(
      'SKEP_STREAM_INVALID',
      `map "${map}": its value has no member that is a number`,
      `It has ${columns.map((c) => `${c.name} (${c.typeName})`).join(', ')}. Give it an integer, such as __u64, or name the map print_${map.replace(/^[a-z]+_/, '')} to see its entries.`,
    );
  }
  return values;
}

/** The column of that name, for `--hist-value-key`; `others` might have been named as well. */
export function namedColumn(
  map: string,
  columns: readonly Column[],
  name: string,
  others: readonly Column[] = [],
): number {
  const found = numericScalars(columns).find((i) => columns[i]!.name === name);
  if (found !== undefined) return found;
  throw new RuntimeError(
    'SKEP_HIST_INVALID',
    `hist value key "${map},${name}": "${map}" has no number of that name`,
    `Numbers it has: ${listed([others, columns].flatMap((all) => numericScalars(all).map((i) => all[i]!.name)))}.`,
  );
}

function firstOf(...choices: number[][]): number[] {
  return choices.find((c) => c.length > 0) ?? [];
}
