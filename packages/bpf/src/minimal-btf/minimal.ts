import type { Btf } from '../btf/btf.ts';
import type { BtfType } from '../btf/types.ts';
import type { Access } from '../core-relo/access.ts';
import { coreRelocations, relocationSubject } from '../core-relo/records.ts';
import { CoreResolver } from '../core-relo/resolve.ts';
import type { Elf } from '../elf/elf.ts';
import { BtfWriter } from './writer.ts';

/**
 * The part of a kernel's BTF that the CO-RE relocations of some objects need, as `bpftool gen min_core_btf` makes it:
 * those members of those types, at their places. A few kilobytes that stand in for the kernel's own types where it has
 * none; every relocation has the same answer, those about what is not there included.
 *
 * ```ts
 * minimalBtf(Btf.parse(readFileSync('vmlinux-5.4.btf')), [parseObject(bytes, 'probe.o')]);
 * ```
 *
 * @throws {BpfError} `SKEP_BTF_INVALID`
 */
export function minimalBtf(kernel: Btf, objects: readonly { elf: Elf; btf: Btf }[]): Uint8Array {
  const needed = new Needed(kernel);
  for (const { elf, btf } of objects) {
    const resolver = new CoreResolver(btf, kernel);
    for (const relocation of coreRelocations(elf, btf)) {
      if (relocation.kind === 'type_id_local') continue;
      for (const access of resolver.matches(relocation)) {
        if (relocationSubject(relocation.kind) === 'field') needed.field(access);
        else if (relocation.kind === 'type_matches') needed.all(access.root);
        else needed.type(access.root, true);
      }
    }
  }
  return needed.write();
}

/** Types by id, structs and unions with the indexes of their members. */
class Needed {
  readonly #kernel: Btf;
  readonly #types = new Map<number, Set<number>>();
  readonly #whole = new Set<number>();

  constructor(kernel: Btf) {
    this.#kernel = kernel;
  }

  /** A field: the members on the way to it, and what it is itself. */
  field({ root, path }: Access): void {
    let at = this.type(root, false);
    for (const index of path.slice(1)) {
      if (at.kind === 'struct' || at.kind === 'union') {
        this.#mark(at.id).add(index);
        at = this.type(at.members[index]!.type, false);
      } else if (at.kind === 'array') at = this.type(at.element, false);
    }
  }

  /** A type through its typedefs; `pointers`: what they point to as well. Gives what is behind the typedefs. */
  type(id: number, pointers: boolean): BtfType {
    this.#kernel.resolve(id); // throws where a damaged BTF leads in circles
    for (let at = id; ; ) {
      const t = this.#kernel.type(at);
      const seen = this.#types.has(at);
      if (at !== 0) this.#mark(at);
      switch (t.kind) {
        case 'typedef':
        case 'const':
        case 'volatile':
        case 'restrict':
        case 'type_tag':
          at = t.type;
          break;
        case 'array':
          if (!seen) for (const part of [t.index, t.element]) this.type(part, pointers);
          return t;
        case 'ptr':
          if (pointers && !seen) this.type(t.type, true);
          return t;
        case 'func_proto':
          if (!seen) for (const p of [t.returns, ...t.parameters.map((q) => q.type)]) this.type(p, pointers);
          return t;
        default:
          return t;
      }
    }
  }

  /** A type with everything in it, as far as pointers; of what they point to, what kind it is. */
  all(id: number): void {
    const t = this.type(id, true);
    if ((t.kind !== 'struct' && t.kind !== 'union') || this.#whole.has(t.id)) return;
    this.#whole.add(t.id);
    t.members.forEach((m, i) => {
      this.#mark(t.id).add(i);
      this.all(m.type);
    });
  }

  write(): Uint8Array {
    const ids = [...this.#types.keys()].sort((a, b) => a - b);
    const numbers = new Map(ids.map((id, i) => [id, i + 1]));
    // What nobody asked for is void, such as what a pointer points to.
    const to = (id: number): number => numbers.get(id) ?? 0;
    const writer = new BtfWriter();
    for (const id of ids) writer.add(this.#reduced(this.#kernel.type(id), this.#types.get(id)!, to));
    return writer.bytes();
  }

  #reduced(t: BtfType, members: ReadonlySet<number>, to: (id: number) => number): BtfType {
    switch (t.kind) {
      case 'struct':
      case 'union': {
        const kept = t.members.filter((_, i) => members.has(i));
        return { ...t, members: kept.map((m) => ({ ...m, type: to(m.type) })) };
      }
      case 'array':
        return { ...t, element: to(t.element), index: to(t.index) };
      case 'func_proto': {
        const parameters = t.parameters.map((p) => ({ ...p, type: to(p.type) }));
        return { ...t, returns: to(t.returns), parameters };
      }
      case 'ptr':
      case 'typedef':
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
        return { ...t, type: to(t.type) };
      default:
        return t;
    }
  }

  #mark(id: number): Set<number> {
    let members = this.#types.get(id);
    if (!members) {
      members = new Set();
      this.#types.set(id, members);
    }
    return members;
  }
}
