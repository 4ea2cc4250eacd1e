import { btfInvalid } from '../btf/blob.ts';
import type { Btf } from '../btf/btf.ts';
import type { BtfComposite, BtfEnum, BtfInt, BtfMember, BtfType } from '../btf/types.ts';
import { BpfError } from '../errors.ts';
import { isNetworkOrder } from './network-order.ts';
import type { MemberPlan, Plan, StructPlan } from './plan.ts';
import type { DecodeOptions, FormatSpec } from './types.ts';

/** More than any struct of the kernel nests or holds; less than a forged type needs to cost memory. */
const MAX_DEPTH = 32;
const MAX_PLACES = 20_000;

/** What the kernel keeps for itself in a map's value: whoever reads it from user space reads zeros. */
const KERNELS_OWN =
  /^bpf_(res_)?spin_lock$|^bpf_(timer|wq|task_work|list_head|list_node|rb_root|rb_node|refcount)$/;

/** Arguments of a process as the kernel has them, beside them how many bytes they are: `args`, `args_size`. */
const SEVERAL_TEXTS = /^(args|argv|cmdline)$/;

/**
 * Turns a BTF type into a {@link Plan}. Every place is checked to lie within the type around it, so that a record
 * of the outermost type's size can be read without further checks.
 */
export class PlanBuilder {
  readonly #btf: Btf;
  readonly #options: DecodeOptions;
  #places = 0;

  constructor(btf: Btf, options: DecodeOptions) {
    this.#btf = btf;
    this.#options = options;
  }

  /** `last`: nothing follows in the record, so that an array of no length takes what is left. */
  build(typeId: number, last: boolean, depth = 0): Plan {
    if (++this.#places > MAX_PLACES || depth > MAX_DEPTH)
      throw this.#unsupported(typeId, 'is too large or too deep');
    const type = this.#btf.resolve(typeId);
    const format = this.#format(typeId);
    const plan = this.#plain(type, last, depth);
    if (format) return { ...asItLies(plan), format };
    const bigEndian = plan.kind === 'int' && this.#names(typeId).some(([name]) => isNetworkOrder(name));
    return bigEndian ? { ...plan, bigEndian } : plan;
  }

  #plain(type: BtfType, last: boolean, depth: number): Plan {
    switch (type.kind) {
      case 'int':
        return this.#int(type);
      case 'ptr':
        return { kind: 'ptr', size: 8 };
      case 'float':
        return { kind: 'float', size: type.size };
      case 'enum':
      case 'enum64':
        this.#checkEnum(type);
        return { kind: 'enum', size: type.size, signed: type.signed, names: enumNames(type) };
      case 'array':
        return this.#array(type.element, type.length, last, depth);
      case 'struct':
      case 'union':
        return this.#composite(type, last, depth);
      default:
        throw this.#unsupported(type.id, 'has no value');
    }
  }

  #int(type: BtfInt): Plan {
    if (![1, 2, 4, 8, 16].includes(type.size)) throw this.#unsupported(type.id, `has ${type.size} bytes`);
    if (type.bool || type.name === '_Bool') return { kind: 'bool', size: type.size };
    if (isChar(type)) return { kind: 'chars', size: 1, flexible: false };
    return { kind: 'int', size: type.size, signed: type.signed };
  }

  #array(elementId: number, length: number, last: boolean, depth: number): Plan {
    const flexible = last && length === 0;
    const resolved = this.#btf.resolve(elementId);
    const text = resolved.kind === 'int' && isChar(resolved) && !this.#format(elementId);
    if (text) return { kind: 'chars', size: length, flexible };
    const element = this.build(elementId, false, depth + 1);
    // Elements without bytes cost nothing in the record, so nothing else bounds their number.
    if (element.size === 0 && length > 1024) throw this.#unsupported(elementId, 'is an array of nothing');
    return { kind: 'array', size: element.size * length, element, length, flexible };
  }

  #composite(type: BtfComposite, last: boolean, depth: number): StructPlan {
    const members: MemberPlan[] = [];
    type.members.forEach((member, index) => {
      if (this.#isKernels(member.type)) return;
      const isLast = last && (type.kind === 'union' || index === type.members.length - 1);
      const planned = this.#member(type, member, isLast, depth);
      // Padding bits without a name are no data.
      if (member.name === '' && planned.plan.kind !== 'struct' && planned.plan.kind !== 'union') return;
      if (planned.offset + planned.plan.size > type.size) {
        throw btfInvalid(`the member "${member.name}" ends after "${this.#btf.nameOf(type.id)}"`);
      }
      members.push({ ...planned, tags: this.#btf.declTags(type.id, index) });
    });
    return { kind: type.kind, size: type.size, members: type.kind === 'struct' ? counted(members) : members };
  }

  #member(parent: BtfComposite, member: BtfMember, last: boolean, depth: number): MemberPlan {
    const { name, type: typeId } = member;
    const type = this.#btf.resolve(typeId);
    // Old compilers put a bit field's width into an integer type of its own instead of the member.
    const narrow = type.kind === 'int' && (type.bits !== type.size * 8 || type.bitOffset !== 0);
    if (member.bitSize === 0 && !narrow) {
      if (member.bitOffset % 8 !== 0)
        throw btfInvalid(`"${name}" of "${parent.name}" does not start at a byte`);
      return {
        name,
        offset: member.bitOffset / 8,
        typeId,
        tags: [],
        plan: this.build(typeId, last, depth + 1),
      };
    }
    const whole = this.build(typeId, false, depth + 1);
    const width = member.bitSize || (type.kind === 'int' ? type.bits : 0);
    const start = member.bitOffset + (member.bitSize === 0 && type.kind === 'int' ? type.bitOffset : 0);
    if (width > whole.size * 8 || width > 128)
      throw btfInvalid(`the bit field "${name}" is wider than its type`);
    const bit = start % 8;
    const plan: Plan = {
      kind: 'bits',
      size: Math.ceil((bit + width) / 8),
      bit,
      width,
      signed: (whole.kind === 'int' || whole.kind === 'enum') && whole.signed,
      meaning: whole.kind === 'bool' ? 'bool' : whole.kind === 'enum' ? whole.names : 'int',
    };
    const placed = whole.format ? { ...plan, format: whole.format } : plan;
    return { name, offset: (start - bit) / 8, typeId, tags: [], plan: placed };
  }

  #format(typeId: number): FormatSpec | undefined {
    const ask = this.#options.format;
    if (!ask) return undefined;
    for (const [name, id] of this.#names(typeId)) {
      const format = ask(name, this.#btf, id);
      if (format) return format;
    }
    return undefined;
  }

  /** What a type is called: the typedefs on the way to it, outermost first, then `struct NAME` of a struct. */
  #names(typeId: number): [name: string, id: number][] {
    const found: [string, number][] = [];
    for (let id = typeId; ; ) {
      const t = this.#btf.type(id);
      if (t.kind === 'typedef') found.push([t.name, id]);
      else if (t.kind === 'struct') return [...found, [`struct ${t.name}`, id]];
      else if (t.kind !== 'const' && t.kind !== 'volatile' && t.kind !== 'restrict' && t.kind !== 'type_tag')
        return found;
      // resolve() went the same way before and found an end.
      id = t.type;
    }
  }

  #isKernels(typeId: number): boolean {
    const type = this.#btf.resolve(typeId);
    return type.kind === 'struct' && KERNELS_OWN.test(type.name);
  }

  #checkEnum(type: BtfEnum): void {
    if (![1, 2, 4, 8].includes(type.size)) throw this.#unsupported(type.id, `has ${type.size} bytes`);
  }

  #unsupported(typeId: number, why: string): BpfError {
    return new BpfError(
      'SKEP_TYPE_UNSUPPORTED',
      `The type "${this.#btf.nameOf(typeId)}" cannot be decoded: it ${why}.`,
      {
        hint: 'Use a complete struct of integers, arrays, structs and the like as the value of a map or record.',
      },
    );
  }
}

/** Tells arrays of several texts which member says how long they are together. */
function counted(members: readonly MemberPlan[]): MemberPlan[] {
  return members.map((member) => {
    const { name, offset, plan } = member;
    if (plan.kind !== 'chars' || !SEVERAL_TEXTS.test(name)) return member;
    const count = members.find((m) => m.plan.kind === 'int' && m.name === `${name}_size`);
    if (count?.plan.kind !== 'int' || count.plan.size > 8) return member;
    const { size, signed } = count.plan;
    return { ...member, plan: { ...plan, bytes: { at: count.offset - offset, size, signed } } };
  });
}

function isChar(type: BtfInt): boolean {
  return type.size === 1 && (type.char || type.name === 'char');
}

function enumNames(type: BtfEnum): Map<number | bigint, string> {
  const names = new Map<number | bigint, string>();
  if (!namesEnumerators(type)) return names;
  for (const { name, value } of type.values) {
    const key = type.size < 4 ? narrow(Number(value), type) : value;
    if (!names.has(key)) names.set(key, name);
  }
  return names;
}

/**
 * Whether the enumerators' values are known. Clang before 15 wrote the lower half only of those of an 8-byte enum: a name
 * found by it would be a guess.
 */
export function namesEnumerators(type: BtfEnum): boolean {
  return type.kind === 'enum64' || type.size <= 4;
}

/** Packed enums of 1 and 2 bytes: as the record's bytes will be read. */
function narrow(value: number, type: BtfEnum): number {
  const shift = 32 - type.size * 8;
  return type.signed ? (value << shift) >> shift : (value << shift) >>> shift;
}

/** A format takes the numbers within as they lie there, whatever header declares them. */
function asItLies(plan: Plan): Plan {
  if (plan.kind === 'int') return { ...plan, bigEndian: undefined };
  if (plan.kind === 'array') return { ...plan, element: asItLies(plan.element) };
  if (plan.kind !== 'struct' && plan.kind !== 'union') return plan;
  return { ...plan, members: plan.members.map((m) => ({ ...m, plan: asItLies(m.plan) })) };
}
