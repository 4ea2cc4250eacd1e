import { btfInvalid } from '../btf/blob.ts';
import type { Btf } from '../btf/btf.ts';
import { type Access, isFlexible, MAX_DEPTH, type Step } from './access.ts';
import { fieldsAgree, typesAgree, typesMatch } from './compatible.ts';
import { essentialName } from './names.ts';
import { type RelocationKind, relocationSubject } from './records.ts';

/**
 * The same access over a type of the kernel, found by the names on its way (relo_core.c, bpf_core_spec_match).
 * Undefined when that type does not have it.
 */
export function matchAccess(local: Access, kind: RelocationKind, btf: Btf, root: number): Access | undefined {
  const found = { btf, root };
  const subject = relocationSubject(kind);
  if (subject === 'type') {
    const same = kind === 'type_matches' ? typesMatch : typesAgree;
    return same(local.btf, local.root, btf, root)
      ? { ...found, steps: [], bitOffset: 0, path: [] }
      : undefined;
  }
  if (subject === 'enumerator') {
    const target = btf.resolve(root);
    if (target.kind !== 'enum' && target.kind !== 'enum64') return undefined;
    const wanted = essentialName(local.steps[0]!.name!);
    const index = target.values.findIndex((v) => essentialName(v.name) === wanted);
    if (index < 0) return undefined;
    const steps = [{ type: target.id, index, name: target.values[index]!.name }];
    return { ...found, steps, bitOffset: 0, path: [index] };
  }
  const way: Way = { steps: [], bitOffset: 0, path: [] };
  let at = root;
  for (const [i, step] of local.steps.entries()) {
    if (step.name !== undefined) {
      const next = member(local.btf, step, btf, at, way);
      if (next === undefined) return undefined;
      at = next;
      continue;
    }
    at = btf.resolve(at).id;
    // The root is already the element of the array that a pointer may be.
    if (i > 0) {
      const array = btf.type(at);
      if (array.kind !== 'array') return undefined;
      if (step.index >= array.length && !isFlexible(btf, way.steps.at(-1)!, array)) return undefined;
      at = btf.resolve(array.element).id;
    }
    way.steps.push({ type: at, index: step.index });
    way.path.push(step.index);
    way.bitOffset += step.index * btf.sizeOf(at) * 8;
  }
  return { ...found, ...way };
}

interface Way {
  steps: Step[];
  bitOffset: number;
  path: number[];
}

/** Finds a member by name, within unnamed structs and unions too; the id of its type, or undefined. */
function member(local: Btf, wanted: Step, btf: Btf, id: number, way: Way): number | undefined {
  const target = btf.resolve(id);
  if (target.kind !== 'struct' && target.kind !== 'union') return undefined;
  if (way.path.length > MAX_DEPTH) throw btfInvalid(`"${target.name}" is nested more than ${MAX_DEPTH} deep`);
  const owner = local.type(wanted.type);
  const localMember =
    owner.kind === 'struct' || owner.kind === 'union' ? owner.members[wanted.index] : undefined;
  if (!localMember) return undefined;
  for (const [index, m] of target.members.entries()) {
    if (m.name !== '' && m.name !== wanted.name) continue;
    way.bitOffset += m.bitOffset;
    way.path.push(index);
    if (m.name !== '') {
      if (!fieldsAgree(local, localMember.type, btf, m.type)) return undefined;
      way.steps.push({ type: target.id, index, name: m.name });
      return m.type;
    }
    const inside = member(local, wanted, btf, m.type, way);
    if (inside !== undefined) return inside;
    way.bitOffset -= m.bitOffset;
    way.path.pop();
  }
  return undefined;
}
