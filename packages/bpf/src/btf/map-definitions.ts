import type { Elf } from '../elf/elf.ts';
import { BpfError } from '../errors.ts';
import { btfInvalid } from './blob.ts';
import type { Btf } from './btf.ts';
import type { BtfMember } from './types.ts';

/** A map as its `SEC(".maps")` variable declares it. Sizes are 0 when not said; so are type ids. */
export interface MapDefinition {
  readonly name: string;
  /** BPF_MAP_TYPE_* */
  readonly type: number;
  readonly maxEntries: number;
  /** Bytes; from `__uint(key_size, …)` or else the size of the key's type. */
  readonly keySize: number;
  /** For ring buffers the size of a record's type; the kernel wants 0 there. */
  readonly valueSize: number;
  readonly keyTypeId: number;
  /** For ring and perf buffers the type of the records, which the kernel never sees. */
  readonly valueTypeId: number;
  /** BPF_F_* */
  readonly flags: number;
  /** `none`, or `name` for LIBBPF_PIN_BY_NAME. */
  readonly pinning: 'none' | 'name';
  /** Id of the map's variable; its tags are `btf.declTags(variableId)`. */
  readonly variableId: number;
  /** The maps that this map of maps holds, from `__array(values, struct …)`. */
  readonly inner?: MapDefinition;
}

/** Enough for any map of maps; libbpf itself stops at one level. */
const MAX_NESTING = 2;

/**
 * The maps of an object as its `.maps` section declares them, in the order of the type information.
 *
 * `__uint(max_entries, 64)` is a pointer to an array of 64, `__type(key, T)` a pointer to T, `__array(values, T)`
 * an array of pointers to T (libbpf, bpf_helpers.h).
 * @throws {BpfError} `SKEP_BTF_INVALID` when a declaration is none of these
 */
export function mapDefinitions(btf: Btf, elf: Elf): MapDefinition[] {
  if (!elf.section('.maps')) return [];
  const section = btf.find('.maps', 'datasec');
  if (section?.kind !== 'datasec') {
    throw new BpfError('SKEP_BTF_MISSING', 'The object has maps, but no type information about them.', {
      hint: 'Compile it with clang -target bpf -g, and declare maps in SEC(".maps").',
    });
  }
  return section.variables.map((v) => {
    const variable = btf.type(v.type);
    if (variable.kind !== 'var') throw btfInvalid('the .maps section holds something that is no variable');
    return define(btf, variable.name, variable.type, variable.id, 0);
  });
}

function define(btf: Btf, name: string, typeId: number, variableId: number, depth: number): MapDefinition {
  const struct = btf.resolve(typeId);
  if (struct.kind !== 'struct')
    throw btfInvalid(`the map "${name}" is declared as ${struct.kind}, not as a struct`);
  const numbers = new Map<string, number>();
  const types = new Map<string, number>();
  let inner: MapDefinition | undefined;
  for (const member of struct.members) {
    switch (member.name) {
      case 'key':
      case 'value':
        types.set(member.name, pointee(btf, name, member));
        break;
      case 'values':
        inner = innerMap(btf, name, member, variableId, depth);
        break;
      default:
        numbers.set(member.name, uint(btf, name, member));
    }
  }
  const size = (what: 'key' | 'value'): number =>
    numbers.get(`${what}_size`) ?? (types.has(what) ? btf.sizeOf(types.get(what)!) : 0);
  const definition: MapDefinition = {
    name,
    type: numbers.get('type') ?? 0,
    maxEntries: numbers.get('max_entries') ?? 0,
    keySize: size('key'),
    // A map of maps or programs holds descriptors.
    valueSize: size('value') || (struct.members.some((m) => m.name === 'values') ? 4 : 0),
    keyTypeId: types.get('key') ?? 0,
    valueTypeId: types.get('value') ?? 0,
    flags: numbers.get('map_flags') ?? 0,
    pinning: numbers.get('pinning') === 1 ? 'name' : 'none',
    variableId,
  };
  return inner ? { ...definition, inner } : definition;
}

function pointee(btf: Btf, map: string, member: BtfMember): number {
  const pointer = btf.resolve(member.type);
  if (pointer.kind !== 'ptr')
    throw btfInvalid(`"${member.name}" of the map "${map}" is not written with __type`);
  return pointer.type;
}

function uint(btf: Btf, map: string, member: BtfMember): number {
  const pointer = btf.resolve(member.type);
  const array = pointer.kind === 'ptr' ? btf.resolve(pointer.type) : pointer;
  // libbpf's __ulong writes an enum with one enumerator instead, for numbers over 32 bits.
  if (pointer.kind === 'ptr' && array.kind === 'array') return array.length;
  if ((array.kind === 'enum' || array.kind === 'enum64') && array.values[0])
    return Number(array.values[0].value);
  throw btfInvalid(`"${member.name}" of the map "${map}" is not written with __uint`);
}

function innerMap(btf: Btf, map: string, member: BtfMember, variableId: number, depth: number) {
  const array = btf.resolve(member.type);
  const pointer = array.kind === 'array' ? btf.resolve(array.element) : array;
  if (array.kind !== 'array' || pointer.kind !== 'ptr') {
    throw btfInvalid(`"values" of the map "${map}" is not written with __array`);
  }
  // Pointers to functions: a map of programs.
  if (btf.resolve(pointer.type).kind !== 'struct') return undefined;
  if (depth + 1 >= MAX_NESTING) throw btfInvalid(`the map "${map}" holds maps of maps`);
  return define(btf, `${map}.inner`, pointer.type, variableId, depth + 1);
}
