import { btfInvalid } from '../btf/blob.ts';
import type { Btf } from '../btf/btf.ts';
import type { BtfComposite, BtfEnum, BtfType } from '../btf/types.ts';
import { essentialName } from './names.ts';

// libbpf's three notions of "the same type" (relo_core.c), each needed where the documentation of
// bpf_core_field_exists, bpf_core_type_exists and bpf_core_type_matches promises it.

const MAX_LEVEL = 32;
const isEnum = (t: BtfType): t is BtfEnum => t.kind === 'enum' || t.kind === 'enum64';
const isComposite = (t: BtfType): t is BtfComposite => t.kind === 'struct' || t.kind === 'union';

/** Enums of 32 and of 64 bits count as one kind. */
export function sameKind(a: BtfType, b: BtfType): boolean {
  return a.kind === b.kind || (isEnum(a) && isEnum(b));
}

/** Whether a member may stand for one of the same name: sizes of integers and contents of structs may differ. */
export function fieldsAgree(local: Btf, localId: number, target: Btf, targetId: number): boolean {
  let level = MAX_LEVEL;
  for (let [a, b] = [localId, targetId]; level-- > 0; ) {
    const [t, u] = [local.resolve(a), target.resolve(b)];
    if (isComposite(t) && isComposite(u)) return true;
    if (!sameKind(t, u)) return false;
    switch (t.kind) {
      case 'ptr':
      case 'float':
        return true;
      case 'fwd':
      case 'enum':
      case 'enum64':
        return t.name === '' || u.name === '' || essentialName(t.name) === essentialName(u.name);
      case 'int':
        return t.bitOffset === 0 && u.kind === 'int' && u.bitOffset === 0;
      case 'array':
        if (u.kind !== 'array') return false;
        [a, b] = [t.element, u.element];
        break;
      default:
        return false;
    }
  }
  throw btfInvalid('an array is nested more than 32 deep');
}

/** Whether a type of the right name is the one meant by `bpf_core_type_exists`: the kind, and for pointers what is behind. */
export function typesAgree(
  local: Btf,
  localId: number,
  target: Btf,
  targetId: number,
  level = MAX_LEVEL,
): boolean {
  if (!sameKind(local.type(localId), target.type(targetId))) return false;
  for (let [a, b] = [localId, targetId]; level-- > 0; ) {
    const [t, u] = [local.resolve(a), target.resolve(b)];
    if (!sameKind(t, u)) return false;
    switch (t.kind) {
      case 'void':
      case 'struct':
      case 'union':
      case 'enum':
      case 'enum64':
      case 'fwd':
        return true;
      case 'int':
        return t.bitOffset === 0 && u.kind === 'int' && u.bitOffset === 0;
      case 'ptr':
        if (u.kind !== 'ptr') return false;
        [a, b] = [t.type, u.type];
        break;
      case 'array':
        if (u.kind !== 'array') return false;
        [a, b] = [t.element, u.element];
        break;
      case 'func_proto': {
        if (u.kind !== 'func_proto' || t.parameters.length !== u.parameters.length) return false;
        const agree = t.parameters.every((p, i) => {
          const q = u.parameters[i]!;
          return typesAgree(local, local.resolve(p.type).id, target, target.resolve(q.type).id, level);
        });
        if (!agree) return false;
        [a, b] = [t.returns, u.returns];
        break;
      }
      default:
        return false;
    }
  }
  throw btfInvalid('a type is nested more than 32 deep');
}

/** Whether the kernel's type has everything the local one has (`bpf_core_type_matches`). */
export function typesMatch(
  local: Btf,
  localId: number,
  target: Btf,
  targetId: number,
  behindPointer = false,
  level = MAX_LEVEL,
): boolean {
  for (let [a, b] = [localId, targetId]; level-- > 0; ) {
    const [t, u] = [local.resolve(a), target.resolve(b)];
    if (!namesMatch(t.name, u.name)) return false;
    switch (t.kind) {
      case 'void':
        return u.kind === 'void';
      case 'fwd':
        if (u.kind === 'fwd') return t.union === u.union;
        return behindPointer && u.kind === (t.union ? 'union' : 'struct');
      case 'enum':
      case 'enum64':
        return isEnum(u) && enumsMatch(t, u);
      case 'struct':
      case 'union':
        if (!behindPointer)
          return u.kind === t.kind && membersMatch(local, t, target, u as BtfComposite, level);
        return u.kind === t.kind || (u.kind === 'fwd' && (t.kind === 'union') === u.union);
      case 'int':
        return u.kind === 'int' && t.size === u.size && t.signed === u.signed;
      case 'ptr':
        if (u.kind !== 'ptr') return false;
        behindPointer = true;
        [a, b] = [t.type, u.type];
        break;
      case 'array':
        if (u.kind !== 'array' || t.length !== u.length) return false;
        [a, b] = [t.element, u.element];
        break;
      case 'func_proto': {
        if (u.kind !== 'func_proto' || t.parameters.length !== u.parameters.length) return false;
        const match = t.parameters.every((p, i) =>
          typesMatch(local, p.type, target, u.parameters[i]!.type, behindPointer, level),
        );
        if (!match) return false;
        [a, b] = [t.returns, u.returns];
        break;
      }
      default:
        return false;
    }
  }
  throw btfInvalid('a type is nested more than 32 deep');
}

function namesMatch(local: string, target: string): boolean {
  return target === '' ? local === '' : essentialName(local) === essentialName(target);
}

function enumsMatch(local: BtfEnum, target: BtfEnum): boolean {
  if (local.size !== target.size || local.values.length > target.values.length) return false;
  return local.values.every((v) => target.values.some((w) => namesMatch(v.name, w.name)));
}

function membersMatch(local: Btf, t: BtfComposite, target: Btf, u: BtfComposite, level: number): boolean {
  if (t.members.length > u.members.length) return false;
  return t.members.every((m) =>
    u.members.some(
      (n) => namesMatch(m.name, n.name) && typesMatch(local, m.type, target, n.type, false, level),
    ),
  );
}
