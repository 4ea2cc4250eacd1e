import { btfInvalid } from '../btf/blob.ts';
import type { Btf } from '../btf/btf.ts';
import { relocated } from '../btf/from-elf.ts';
import type { Elf } from '../elf/elf.ts';

/** What is asked of the kernel's types, by number (include/uapi/linux/bpf.h, enum bpf_core_relo_kind). */
export const RELOCATION_KINDS = [
  'field_byte_offset',
  'field_byte_size',
  'field_exists',
  'field_signed',
  'field_lshift_u64',
  'field_rshift_u64',
  'type_id_local',
  'type_id_target',
  'type_exists',
  'type_size',
  'enumval_exists',
  'enumval_value',
  'type_matches',
] as const;

export type RelocationKind = (typeof RELOCATION_KINDS)[number];

/** One CO-RE relocation: an instruction that waits for something about a type of the kernel it is loaded into. */
export interface CoreRelocation {
  /** The section of the instruction. */
  readonly section: string;
  /** Its number among those of its section, as libbpf counts them in its messages. */
  readonly index: number;
  /** The instruction's first byte in the section. */
  readonly offset: number;
  /** The root type, in the object's BTF. */
  readonly typeId: number;
  /** What of it is meant: `0:3:1`, indexes of members and elements from the root on. */
  readonly access: string;
  readonly kind: RelocationKind;
}

const RECORD = 16;
const MAX_RECORDS = 1_000_000;

/**
 * The CO-RE relocations of an object, from its `.BTF.ext` section (include/uapi/linux/bpf.h, struct bpf_core_relo).
 * Empty when it has none.
 * @throws {BpfError} `SKEP_BTF_INVALID`
 */
export function coreRelocations(elf: Elf, btf: Btf): CoreRelocation[] {
  const section = elf.section('.BTF.ext');
  const out: CoreRelocation[] = [];
  if (!section || section.data.length === 0) return out;
  const bytes = relocated(elf, section);
  const dv = new DataView(bytes.buffer);
  if (bytes.length < 24 || dv.getUint16(0, true) !== 0xeb9f) throw btfInvalid('its .BTF.ext has no header');
  const header = dv.getUint32(4, true);
  // Compilers before LLVM 10 end the header here: no relocations.
  if (header < 32 || bytes.length < 32) return out;
  let at = header + dv.getUint32(24, true);
  const end = at + dv.getUint32(28, true);
  if (end > bytes.length) throw btfInvalid('its CO-RE relocations end after the data');
  if (end - at < 4) return out;
  const stride = dv.getUint32(at, true);
  if (stride < RECORD || stride % 4 !== 0) throw btfInvalid(`a CO-RE relocation has ${stride} bytes`);
  for (at += 4; at < end; ) {
    if (at + 8 > end) throw btfInvalid('its CO-RE relocations are cut short');
    const name = btf.string(dv.getUint32(at, true));
    const count = dv.getUint32(at + 4, true);
    at += 8;
    if (count > MAX_RECORDS || at + count * stride > end)
      throw btfInvalid('its CO-RE relocations are cut short');
    for (let index = 0; index < count; index++, at += stride) {
      const number = dv.getUint32(at + 12, true);
      const kind = RELOCATION_KINDS[number];
      if (!kind) throw btfInvalid(`a CO-RE relocation is of unknown kind ${number}`);
      const offset = dv.getUint32(at, true);
      const typeId = dv.getUint32(at + 4, true);
      out.push({
        section: name,
        index,
        offset,
        typeId,
        access: btf.string(dv.getUint32(at + 8, true)),
        kind,
      });
    }
  }
  return out;
}

/** What a relocation is about. */
export function relocationSubject(kind: RelocationKind): 'field' | 'type' | 'enumerator' {
  return kind.startsWith('field') ? 'field' : kind.startsWith('enumval') ? 'enumerator' : 'type';
}
