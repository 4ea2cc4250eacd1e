import type { Elf } from '../elf/elf.ts';
import { BpfError } from '../errors.ts';
import { BtfBlob, btfInvalid } from './blob.ts';
import { relocatedBtf } from './from-elf.ts';
import { readKernelBtf } from './kernel.ts';
import { NameIndex, WORTH_INDEX } from './name-index.ts';
import { readType, type TypeContext } from './read-type.ts';
import { spell } from './spelling.ts';
import type { BtfKind, BtfType } from './types.ts';

/** Longest legal chain of typedefs and qualifiers, and depth of arrays of arrays. */
const MAX_CHAIN = 256;
const VOID: BtfType = { kind: 'void', id: 0, name: '' };
/** Searches after which an index is made for the others. */
const MAX_SCANS = 4;
let kernelBtf: Btf | undefined;

/**
 * Type information in BTF (Linux, Documentation/bpf/btf.rst): of an object, of the running kernel, or of a
 * module on top of the kernel's. Types are made when asked for; the blob itself costs four bytes a type.
 *
 * ```ts
 * const btf = Btf.fromElf(Elf.parse(readFileSync('probe.o')));
 * const event = btf.find('event', 'struct');
 * if (event) compileDecoder(btf, event.id);
 * ```
 */
export class Btf {
  /** Types there are, with void and those of the base: ids are 0 to `count - 1`. */
  readonly count: number;
  readonly #blob: BtfBlob;
  readonly #base: Btf | undefined;
  readonly #first: number;
  readonly #firstString: number;
  readonly #stringBytes: number;
  readonly #types = new Map<number, BtfType>();
  readonly #found = new Map<string, number>();
  readonly #context: TypeContext;
  #names: NameIndex | undefined;
  #scans = 0;
  #tags: Map<number, { component: number; text: string }[]> | undefined;

  private constructor(bytes: Uint8Array, base: Btf | undefined) {
    this.#blob = new BtfBlob(bytes);
    this.#base = base;
    this.#first = base ? base.count : 1;
    this.#firstString = base ? base.#stringBytes : 0;
    this.#stringBytes = this.#firstString + this.#blob.strings.length;
    this.count = this.#first + this.#blob.offsets.length;
    this.#context = { blob: this.#blob, count: this.count, string: (offset) => this.string(offset) };
  }

  /**
   * Reads a BTF blob (a `.BTF` section, or a file of /sys/kernel/btf). `base` is what a split BTF builds upon.
   *
   * The layout is checked here, each type when it is asked for.
   * @throws {BpfError} `SKEP_BTF_INVALID`
   */
  static parse(bytes: Uint8Array, base?: Btf): Btf {
    return new Btf(bytes, base);
  }

  /**
   * The types of an object, with the offsets and sizes of its global variables filled in from its symbols,
   * as libbpf does before loading.
   * @throws {BpfError} `SKEP_BTF_MISSING` when it was compiled without -g, `SKEP_BTF_INVALID`
   */
  static fromElf(elf: Elf): Btf {
    return new Btf(relocatedBtf(elf), undefined);
  }

  /**
   * The running kernel's types, read once and kept until {@link Btf.releaseKernel}.
   * @throws {BpfError} `SKEP_BTF_MISSING` when the kernel was built without
   */
  static kernel(): Btf {
    kernelBtf ??= new Btf(readKernelBtf('vmlinux'), undefined);
    return kernelBtf;
  }

  /** The types of a loaded kernel module, on top of the kernel's. @throws {BpfError} `SKEP_BTF_MISSING` */
  static kernelModule(name: string): Btf {
    return new Btf(readKernelBtf(name), Btf.kernel());
  }

  /** Lets go of the kernel's types (6 MB); whoever still holds the {@link Btf} may go on using it. */
  static releaseKernel(): void {
    kernelBtf = undefined;
  }

  /** The type of that id; 0 is void. @throws {BpfError} `SKEP_BTF_INVALID` when there is none, or it is damaged */
  type(id: number): BtfType {
    if (id === 0) return VOID;
    if (this.#base && id < this.#first) return this.#base.type(id);
    const known = this.#types.get(id);
    if (known) return known;
    const type = readType(this.#context, id, this.#offset(id));
    this.#types.set(id, type);
    return type;
  }

  /** The kind of a type, without making the type. */
  kind(id: number): BtfKind {
    if (id === 0) return 'void';
    if (this.#base && id < this.#first) return this.#base.kind(id);
    return this.#blob.kindAt(this.#offset(id));
  }

  #offset(id: number): number {
    const offset = this.#blob.offsets[id - this.#first];
    if (offset === undefined) throw btfInvalid(`there is no type ${id}, only ${this.count - 1}`);
    return offset;
  }

  /** The string at an offset of the string table; with `cut` no more than 4 KiB of it, as of a line of a source. */
  string(offset: number, cut = false): string {
    if (this.#base && offset < this.#firstString) return this.#base.string(offset, cut);
    return this.#blob.string(offset - this.#firstString, cut);
  }

  /** The first type of that name, and of that kind if one is given; those of the base come first. */
  find(name: string, kind?: BtfKind): BtfType | undefined {
    const inBase = this.#base?.find(name, kind);
    if (inBase) return inBase;
    const key = `${kind ?? ''} ${name}`;
    let id = this.#found.get(key);
    if (id === undefined) {
      id = this.#look(name, kind);
      this.#found.set(key, id);
    }
    return id === 0 ? undefined : this.type(id);
  }

  // Reading every name once costs 1 ms for the kernel, an index 5 ms and 1 MB; a map of all names 60 ms and 20 MB.
  #look(name: string, kind: BtfKind | undefined): number {
    const large = this.#blob.offsets.length >= WORTH_INDEX;
    if (!this.#names && !(large && ++this.#scans > MAX_SCANS)) return this.#scan(name, kind);
    return (
      this.#index()
        .named(name)
        .find((id) => kind === undefined || this.kind(id) === kind) ?? 0
    );
  }

  #index(): NameIndex {
    this.#names ??= new NameIndex(this.#blob, this.#first, this.#firstString, this.#context.string);
    return this.#names;
  }

  #scan(name: string, kind: BtfKind | undefined): number {
    const { offsets, dv } = this.#blob;
    const wanted = Buffer.from(`${name}\0`);
    for (let i = 0; i < offsets.length; i++) {
      const at = offsets[i]!;
      const nameOffset = dv.getUint32(at, true) - this.#firstString;
      if (nameOffset < 0) {
        if (this.string(nameOffset + this.#firstString) !== name) continue;
      } else if (!this.#blob.stringIs(nameOffset, wanted)) continue;
      if (kind === undefined || this.#blob.kindAt(at) === kind) return i + this.#first;
    }
    return 0;
  }

  /**
   * Ids of the types of that name or of a flavour of it (`name___old`), ascending, those of the base first. The
   * first call makes an index of 8 bytes a type.
   */
  flavours(name: string): number[] {
    return [...(this.#base?.flavours(name) ?? []), ...this.#index().flavours(name)];
  }

  /** Ids of all types of a kind, ascending, those of the base not among them. */
  ids(kind: BtfKind): number[] {
    const out: number[] = [];
    for (let id = this.#first; id < this.count; id++) if (this.kind(id) === kind) out.push(id);
    return out;
  }

  /** A type's name, without making the type. */
  nameAt(id: number): string {
    if (id === 0) return '';
    if (this.#base && id < this.#first) return this.#base.nameAt(id);
    return this.string(this.#blob.dv.getUint32(this.#offset(id), true));
  }

  /** The type behind typedefs, const, volatile, restrict and type tags. */
  resolve(id: number): BtfType {
    let at = id;
    for (let steps = 0; steps < MAX_CHAIN; steps++) {
      const t = this.type(at);
      switch (t.kind) {
        case 'typedef':
        case 'const':
        case 'volatile':
        case 'restrict':
        case 'type_tag':
          at = t.type;
          break;
        default:
          return t;
      }
    }
    throw btfInvalid(`type ${id} is defined through itself`);
  }

  /** Size of a value in bytes. @throws {BpfError} `SKEP_TYPE_UNSUPPORTED` for void, functions, forward declarations */
  sizeOf(id: number): number {
    let count = 1;
    let at = id;
    for (let steps = 0; steps < MAX_CHAIN; steps++) {
      const t = this.resolve(at);
      switch (t.kind) {
        case 'ptr':
          return count * 8;
        case 'array':
          count *= t.length;
          at = t.element;
          if (count > 2 ** 32) throw btfInvalid(`array type ${id} is larger than 4 GiB`);
          break;
        case 'var':
          at = t.type;
          break;
        case 'int':
        case 'struct':
        case 'union':
        case 'enum':
        case 'enum64':
        case 'float':
        case 'datasec': {
          if (count * t.size > 2 ** 32) throw btfInvalid(`array type ${id} is larger than 4 GiB`);
          return count * t.size;
        }
        default:
          throw new BpfError('SKEP_TYPE_UNSUPPORTED', `The type "${this.nameOf(id)}" has no size.`, {
            hint: 'A value must have a complete type: a struct, an integer, an array or the like.',
          });
      }
    }
    throw btfInvalid(`array type ${id} contains itself`);
  }

  /** How C spells the type: `struct foo *`, `__u32`, `char[16]`, `int (*)(void *)`. */
  nameOf(id: number): string {
    return spell(this, id);
  }

  /** Texts of `__attribute__((btf_decl_tag("…")))` on a type, or on one of its members or parameters. */
  declTags(id: number, component = -1): string[] {
    const inBase = this.#base && id < this.#first ? this.#base.declTags(id, component) : [];
    this.#tags ??= this.#readTags();
    const own = (this.#tags.get(id) ?? []).filter((t) => t.component === component);
    return [...inBase, ...own.map((t) => t.text)];
  }

  #readTags(): Map<number, { component: number; text: string }[]> {
    const tags = new Map<number, { component: number; text: string }[]>();
    for (let id = this.#first; id < this.count; id++) {
      if (this.kind(id) !== 'decl_tag') continue;
      const t = this.type(id);
      if (t.kind !== 'decl_tag') continue;
      const list = tags.get(t.type);
      if (list) list.push({ component: t.component, text: t.name });
      else tags.set(t.type, [{ component: t.component, text: t.name }]);
    }
    return tags;
  }
}

/** The architecture of the kernel that a BTF describes, told by the registers that it saves. */
export function btfArchitecture(btf: Btf): 'x86_64' | 'arm64' {
  return btf.find('user_pt_regs', 'struct') ? 'arm64' : 'x86_64';
}
