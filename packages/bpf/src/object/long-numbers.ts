import { BtfBlob } from '../btf/blob.ts';
import type { Btf } from '../btf/btf.ts';
import type { BtfType } from '../btf/types.ts';
import type { Elf } from '../elf/elf.ts';

/** Bytes of a type before its members, and of a member: its name, its type, its place (btf.rst, BTF_KIND_STRUCT). */
const TYPE_BYTES = 12;
const MEMBER_BYTES = 12;
const NAME_AND_TYPE = 8;

/** An object that libbpf 1.1 can read, and what was taken out of it for that. */
export interface ShortNumbers {
  readonly bytes: Uint8Array;
  /** `map_extra` of the maps that gave it as a long number, by the map's name. */
  readonly extra: ReadonlyMap<string, bigint>;
}

/**
 * Takes `__ulong(map_extra, …)` out of map definitions. Headers since libbpf 1.4 have it for numbers that no array can be long,
 * such as the address of an arena, and write it as an enum; libbpf 1.1 knows nothing but pointers to arrays and would not
 * read the object. The member becomes a second `type`, which libbpf takes twice; what it said is given to libbpf by hand.
 */
export function shortNumbers(bytes: Uint8Array, elf: Elf, btf: Btf): ShortNumbers {
  const extra = new Map<string, bigint>();
  const maps = btf.find('.maps', 'datasec');
  const types = elf.section('.BTF')?.data;
  if (maps?.kind !== 'datasec' || !types) return { bytes, extra };
  let out: Uint8Array | undefined;
  for (const { type } of maps.variables) {
    const variable = btf.type(type);
    const struct = variable.kind === 'var' ? btf.resolve(variable.type) : undefined;
    if (struct?.kind !== 'struct') continue;
    const at = struct.members.findIndex((m) => m.name === 'map_extra');
    const value = at < 0 ? undefined : longNumber(btf.resolve(struct.members[at]!.type));
    const model = struct.members.findIndex((m) => m.name === 'type');
    if (value === undefined || model < 0) continue;
    extra.set(variable.name, value);
    // Not slice(), which shows the same bytes again when they are a Buffer.
    out ??= Uint8Array.from(bytes);
    const section = types.byteOffset - bytes.byteOffset;
    const members = section + new BtfBlob(types).offsets[struct.id - 1]! + TYPE_BYTES;
    const from = members + model * MEMBER_BYTES;
    out.copyWithin(members + at * MEMBER_BYTES, from, from + NAME_AND_TYPE);
  }
  return { bytes: out ?? bytes, extra };
}

function longNumber(type: BtfType): bigint | undefined {
  return type.kind === 'enum' || type.kind === 'enum64'
    ? type.values[0] && BigInt(type.values[0].value)
    : undefined;
}
