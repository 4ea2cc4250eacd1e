import type { Btf } from '../btf/btf.ts';
import type { BtfType } from '../btf/types.ts';
import type { Access } from './access.ts';
import type { RelocationKind } from './records.ts';

/** What a relocation's instruction is to hold, for one BTF. */
export interface Answer {
  readonly value: bigint;
  /** Bytes of the field that the instruction reads or writes, and its type; 0 where the size does not matter. */
  readonly size: number;
  readonly type: number;
  /** Whether the compiler must have put the local answer into the instruction. */
  readonly exact: boolean;
}

/** A bit field that no load of 8 bytes covers: libbpf gives up. */
export const TOO_WIDE = 'too wide';

/**
 * The answer over the accessed type, or over its absence: 0 for questions whether something exists and for type
 * ids, undefined where nothing can be answered.
 */
export function answer(
  kind: RelocationKind,
  access: Access | undefined,
): Answer | typeof TOO_WIDE | undefined {
  const plain = (value: number | bigint, exact = true): Answer => ({
    value: BigInt(value),
    size: 0,
    type: 0,
    exact,
  });
  switch (kind) {
    case 'field_exists':
    case 'type_exists':
    case 'type_matches':
    case 'enumval_exists':
      return plain(access ? 1 : 0);
    case 'type_id_local':
    case 'type_id_target':
      return plain(access?.root ?? 0, false);
    case 'type_size':
      return plain(access ? access.btf.sizeOf(access.root) : 0);
    case 'enumval_value': {
      const [step] = access?.steps ?? [];
      const type = step && access!.btf.type(step.type);
      if (type?.kind !== 'enum' && type?.kind !== 'enum64') return undefined;
      const value = BigInt(type.values[step!.index]!.value);
      // libbpf widens an enumerator of 32 bits by its sign, also where the enum has none.
      return plain(BigInt.asUintN(64, type.kind === 'enum' ? BigInt.asIntN(32, value) : value));
    }
    default:
      return access && fieldAnswer(kind, access, plain);
  }
}

function fieldAnswer(
  kind: RelocationKind,
  { btf, steps, bitOffset }: Access,
  plain: (value: number, exact?: boolean) => Answer,
): Answer | typeof TOO_WIDE | undefined {
  const last = steps.at(-1)!;
  if (last.name === undefined) {
    const size = btf.sizeOf(last.type);
    if (kind === 'field_byte_size') return plain(size);
    return kind === 'field_byte_offset' ? { ...plain(bitOffset / 8), size, type: last.type } : undefined;
  }
  const owner = btf.type(last.type);
  if (owner.kind !== 'struct' && owner.kind !== 'union') return undefined;
  const member = owner.members[last.index]!;
  const type = btf.resolve(member.type);
  const bits = member.bitSize;
  const bitField = bits > 0;
  let size = btf.sizeOf(type.id);
  let offset = Math.floor(bitOffset / 8);
  if (bitField) {
    offset = Math.floor(bitOffset / 8 / size) * size;
    // The smallest aligned integer that holds all of the field's bits.
    while (bitOffset + bits - offset * 8 > size * 8) {
      if (size >= 8) return TOO_WIDE;
      size *= 2;
      offset = Math.floor(bitOffset / 8 / size) * size;
    }
  }
  const width = bitField ? bits : size * 8;
  switch (kind) {
    case 'field_byte_offset':
      return bitField ? plain(offset, false) : { ...plain(offset), size, type: type.id };
    case 'field_byte_size':
      return plain(size, !bitField);
    case 'field_signed':
      return plain(isSigned(type) ? 1 : 0);
    case 'field_lshift_u64':
      return plain(64 - (bitOffset + width - offset * 8), !bitField);
    case 'field_rshift_u64':
      return plain(64 - width);
    default:
      return undefined;
  }
}

function isSigned(type: BtfType): boolean {
  if (type.kind === 'enum' || type.kind === 'enum64') return type.flagged;
  return type.kind === 'int' && type.signed;
}

/**
 * Whether a load or store may change its size from the one field to the other: pointers, and unsigned integers, may.
 */
export function sizeMayChange(local: Btf, localType: number, target: Btf, targetType: number): boolean {
  const [t, u] = [local.type(localType), target.type(targetType)];
  if (t.kind === 'ptr' && u.kind === 'ptr') return true;
  return t.kind === 'int' && u.kind === 'int' && !onlySigned(t) && !onlySigned(u);
}

function onlySigned(t: BtfType): boolean {
  return t.kind === 'int' && t.signed && !t.char && !t.bool;
}
