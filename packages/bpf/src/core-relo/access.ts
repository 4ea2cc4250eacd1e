import { btfInvalid } from '../btf/blob.ts';
import type { Btf } from '../btf/btf.ts';
import type { BtfArray } from '../btf/types.ts';
import { type CoreRelocation, relocationSubject } from './records.ts';

/** Deepest access: libbpf's limit (relo_core.c, BPF_CORE_SPEC_MAX_LEN). */
export const MAX_DEPTH = 64;

/** One step of an access: a member by name (of the composite `type`), or an element of the type `type`. */
export interface Step {
  readonly type: number;
  /** Which member, element or enumerator. */
  readonly index: number;
  /** Absent for elements of arrays. */
  readonly name?: string;
}

/** What a relocation means in one BTF, the object's or the kernel's. */
export interface Access {
  readonly btf: Btf;
  /** The root type. */
  readonly root: number;
  readonly steps: readonly Step[];
  /** Of the field, from the start of the root. */
  readonly bitOffset: number;
  /** Indexes of all members and elements on the way, unnamed ones too. */
  readonly path: readonly number[];
}

/**
 * Reads a relocation's access string over the object's types. Unnamed structs and unions on the way are no steps:
 * the kernel's type may have others.
 * @throws {BpfError} `SKEP_BTF_INVALID` when it leads nowhere
 */
export function readAccess(btf: Btf, relocation: CoreRelocation): Access {
  const { typeId, access, kind } = relocation;
  const root = typeId;
  const subject = relocationSubject(kind);
  if (subject === 'type') {
    if (access !== '0') throw invalid(relocation);
    return { btf, root, steps: [], bitOffset: 0, path: [] };
  }
  if (!/^\d+(:\d+)*$/.test(access)) throw invalid(relocation);
  const path = access.split(':').map(Number);
  if (path.length > MAX_DEPTH) throw invalid(relocation);
  const first = btf.resolve(typeId);
  const [start, ...rest] = path as [number, ...number[]];
  if (subject === 'enumerator') {
    const value = first.kind === 'enum' || first.kind === 'enum64' ? first.values[start] : undefined;
    if (!value || rest.length > 0) throw invalid(relocation);
    const steps = [{ type: first.id, index: start, name: value.name }];
    return { btf, root, steps, bitOffset: 0, path };
  }
  const steps: Step[] = [{ type: first.id, index: start }];
  let bitOffset = start * btf.sizeOf(first.id) * 8;
  let at = first.id;
  for (const index of rest) {
    const type = btf.resolve(at);
    if (type.kind === 'struct' || type.kind === 'union') {
      const member = type.members[index];
      if (!member) throw invalid(relocation);
      bitOffset += member.bitOffset;
      if (member.name !== '') steps.push({ type: type.id, index, name: member.name });
      at = member.type;
    } else if (type.kind === 'array') {
      if (index >= type.length && !isFlexible(btf, steps.at(-1)!, type)) throw invalid(relocation);
      at = btf.resolve(type.element).id;
      steps.push({ type: at, index });
      bitOffset += index * btf.sizeOf(at) * 8;
    } else throw invalid(relocation);
  }
  return { btf, root, steps, bitOffset, path };
}

/** A `T x[]` at the end of a struct has elements, however many its type says. */
export function isFlexible(btf: Btf, step: Step, array: BtfArray): boolean {
  if (step.name === undefined || array.length > 0) return false;
  const owner = btf.type(step.type);
  return (owner.kind === 'struct' || owner.kind === 'union') && step.index === owner.members.length - 1;
}

/** How C writes it: `struct task_struct.real_parent`, `enum bpf_func_id.BPF_FUNC_loop`. */
export function spellAccess(access: Access): string {
  const names = access.steps.map((s, i) =>
    s.name !== undefined ? `.${s.name}` : i > 0 || s.index > 0 ? `[${s.index}]` : '',
  );
  return access.btf.nameOf(access.root) + names.join('');
}

function invalid({ access, kind, section, index }: CoreRelocation): Error {
  return btfInvalid(`the CO-RE relocation ${index} of "${section}" (${kind}) says "${access}"`);
}
