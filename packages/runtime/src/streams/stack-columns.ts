import type { Column, Value } from '@skep/bpf';
import type { Field } from '../contract/stream.ts';
import { listed } from '../errors.ts';
import { FRAME_SEPARATOR } from '../stacks/stack.ts';
import { readTags } from './tags.ts';

/** A column that is a stack: its return addresses, or the id of an entry in a map of stacks. */
export interface StackColumn {
  /** Index into the decoder's columns. */
  readonly column: number;
  readonly side: 'kernel' | 'user';
  /** The map of stacks that an id is of; undefined where the column holds the addresses. */
  readonly map?: string;
  /** For a user's stack: the column that says whose. */
  readonly pid?: number;
}

/** The maps of an object that hold stacks; `BpfMap` fits. */
export interface StackMapFacts {
  readonly name: string;
  readonly type: string;
}

/** By the typedef, which `typeFormats` knows. */
const FORMATS: Readonly<Record<string, { side: StackColumn['side']; id: boolean }>> = {
  'kernel stack': { side: 'kernel', id: false },
  'user stack': { side: 'user', id: false },
  'kernel stack id': { side: 'kernel', id: true },
  'user stack id': { side: 'user', id: true },
};

/** As libbpf-tools, bcc and their likes name the integers that bpf_get_stackid() gave them. */
const KERNEL_ID = /(^|_)(k|kern_?|kernel_?)_?stack_?id$/;
const USER_ID = /(^|_)(u|user_?)_?stack_?id$/;

/** What kind of a stack a column is; undefined for anything else. */
export function stackKind(column: Column): { side: StackColumn['side']; id: boolean } | undefined {
  if (column.format) return FORMATS[column.format.name];
  if (column.kind !== 'int' || (column.size !== 4 && column.size !== 8)) return undefined;
  const name = lastPart(column.name);
  if (KERNEL_ID.test(name)) return { side: 'kernel', id: true };
  return USER_ID.test(name) ? { side: 'user', id: true } : undefined;
}

/**
 * The stacks among the columns of a record or key.
 *
 * - An id's map: the one that its tag names (`SKEP_OF_STACKS(map)`), else the object's only map of stacks.
 * - A user's stack belongs to the process in the member tagged `SKEP_PID`, else in the one called `tgid` or `pid`, the
 *   nearest: in the same struct before those around it.
 *
 * What is missing is noted, and the column stays a number or a list of them.
 */
export function planStacks(
  map: string,
  columns: readonly Column[],
  maps: readonly StackMapFacts[],
  notes: string[],
): StackColumn[] {
  const stackMaps = maps.filter((m) => m.type === 'stack_trace').map((m) => m.name);
  return columns.flatMap((c, column) => {
    const kind = stackKind(c);
    if (!kind) return [];
    const { side } = kind;
    const pid = side === 'user' ? pidColumn(columns, c) : undefined;
    if (side === 'user' && pid === undefined)
      notes.push(`${map}: whose stack "${c.name}" is, no member says: one of the name pid or tgid would`);
    if (!kind.id) return [{ column, side, pid }];
    const named = readTags(c.tags).stacks ?? (stackMaps.length === 1 ? stackMaps[0] : undefined);
    if (named !== undefined && stackMaps.includes(named)) return [{ column, side, map: named, pid }];
    notes.push(
      `${map}: "${c.name}" stays a number, since it says not which map its stacks are in (there are ${listed(stackMaps)}); SKEP_OF_STACKS(map) does`,
    );
    return [];
  });
}

/** A field of a map's value whose number is spelled out where it is read: its frames, innermost first. */
export function stackField(field: Field): Field {
  const format = {
    name: 'stack',
    text: (value: Value) => (Array.isArray(value) ? value.join(FRAME_SEPARATOR) : String(value)),
    json: (value: Value) => value,
  };
  return { ...field, source: { ...field.source!, format } };
}

function pidColumn(columns: readonly Column[], stack: Column): number | undefined {
  const numbers = columns.map((c, i) => ({ c, i })).filter(({ c }) => c.kind === 'int' && c.size >= 4);
  const tagged = numbers.find(({ c }) => readTags(c.tags).pid);
  if (tagged) return tagged.i;
  for (let prefix = folder(stack.name); ; prefix = folder(prefix.slice(0, -1))) {
    for (const name of ['tgid', 'pid']) {
      const found = numbers.find(({ c }) => c.name === prefix + name);
      if (found) return found.i;
    }
    if (prefix === '') return undefined;
  }
}

/** `a.b.` of `a.b.c`. */
function folder(name: string): string {
  return name.slice(0, name.lastIndexOf('.') + 1);
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
