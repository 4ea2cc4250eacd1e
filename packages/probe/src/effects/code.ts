import {
  type Btf,
  CALL,
  coreRelocations,
  type Elf,
  type ElfSection,
  type ElfSymbol,
  essentialName,
  instructionAt,
  lengthOf,
  readAccess,
} from '@skep/bpf';

/** One instruction (Documentation/bpf/standardization/instruction-set.rst), where it is and what it refers to. */
export interface Instruction {
  /** Bytes from the start of its section. */
  readonly offset: number;
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
  readonly off: number;
  readonly imm: number;
  /** The upper half of a 64-bit constant. */
  readonly high: number;
  /** The function it calls or takes the address of. */
  readonly callee?: Code;
  /** The name of the kernel function that it calls. */
  readonly kfunc?: string;
  /** What else it takes the address of: a map, a variable, a section of them. */
  readonly data?: ElfSymbol;
  /** Of which member of which type of the kernel libbpf puts in a number in place of the compiler's (CO-RE), '' of none. */
  readonly core?: { readonly type: string; readonly member: string };
}

/** A function: a program, or one that programs call. */
export interface Code {
  readonly section: ElfSection;
  readonly name: string;
  /** By offset from the start of the section, in order; the second half of a wide one is no entry. */
  readonly instructions: ReadonlyMap<number, Instruction>;
  readonly start: number;
  /** Offsets that a branch leads to: where paths meet. */
  readonly joins: ReadonlySet<number>;
}

const WIDE = 0x18;
const PSEUDO_CALL = 1;
const KFUNC_CALL = 2;
const PSEUDO_FUNC = 4;

/** Where a jump leads to; undefined for what is none. */
export function branchTarget({ opcode, off, imm, offset }: Instruction): number | undefined {
  const kind = opcode & 7;
  const op = opcode & 0xf0;
  if ((kind !== 5 && kind !== 6) || op === 0x80 || op === 0x90) return undefined;
  return offset + 8 + (opcode === 0x06 ? imm : off) * 8;
}

/** Reads the functions of one object; each once, also when they call each other. */
export class CodeReader {
  readonly #elf: Elf;
  readonly #btf: Btf | undefined;
  readonly #read = new Map<ElfSymbol, Code>();
  #functions: readonly ElfSymbol[] | undefined;
  #core: ReadonlyMap<string, NonNullable<Instruction['core']>> | undefined;

  /** Without `btf` it is not told which numbers libbpf changes. */
  constructor(elf: Elf, btf?: Btf) {
    this.#elf = elf;
    this.#btf = btf;
  }

  /** The program of that name; undefined when there is none. */
  program(name: string): Code | undefined {
    const symbol = this.#elf.program(name);
    return symbol && this.#function(symbol);
  }

  #function(symbol: ElfSymbol): Code | undefined {
    const known = this.#read.get(symbol);
    const section = this.#elf.sections[symbol.section];
    if (known || !section) return known;
    const instructions = new Map<number, Instruction>();
    const joins = new Set<number>();
    const code: Code = { section, name: symbol.name, instructions, start: symbol.value, joins };
    this.#read.set(symbol, code);
    const { data } = section;
    const relocations = this.#elf.references(section);
    const end = Math.min(symbol.value + symbol.size, data.length);
    const bytes = data.subarray(0, end);
    for (let at = symbol.value; ; ) {
      const found = instructionAt(bytes, at);
      if (!found) break;
      const { opcode, destination: dst, source: src, offset: off, immediate: imm, high } = found;
      this.#core ??= this.#btf ? changedIn(this.#elf, this.#btf) : new Map();
      const core = this.#core.get(`${at} ${section.name}`);
      const one: Instruction = { offset: at, opcode, dst, src, off, imm, high, ...(core && { core }) };
      instructions.set(at, this.#resolved(one, section, relocations.get(at)));
      const target = branchTarget(one);
      if (target !== undefined) joins.add(target);
      at += lengthOf(opcode);
    }
    return code;
  }

  #resolved(one: Instruction, section: ElfSection, symbol: ElfSymbol | undefined): Instruction {
    if (one.opcode === CALL && one.src === KFUNC_CALL) return { ...one, kfunc: symbol?.name ?? '' };
    const takes = one.opcode === WIDE && symbol !== undefined && this.#isCode(symbol);
    if (takes) {
      // The address of a callback: of a function, or of an offset into a section of them.
      return { ...one, callee: this.#at(symbol.section, symbol.value + one.imm), src: PSEUDO_FUNC };
    }
    if (one.opcode === WIDE) return symbol ? { ...one, data: symbol } : one;
    if (one.opcode !== CALL || one.src !== PSEUDO_CALL) {
      // A call of an extern is one of a kernel function, which libbpf makes of it.
      const extern = one.opcode === CALL && symbol?.section === 0;
      return extern ? { ...one, src: KFUNC_CALL, kfunc: symbol.name } : one;
    }
    if (symbol?.section === 0) return { ...one, src: KFUNC_CALL, kfunc: symbol.name };
    if (!symbol) return { ...one, callee: this.#at(section.index, one.offset + (one.imm + 1) * 8) };
    // -1 for a function that has a symbol; within a section it counts from there.
    return { ...one, callee: this.#at(symbol.section, symbol.value + (one.imm + 1) * 8) };
  }

  /** Of a call into the middle of a function libbpf makes one of the function. */
  #at(section: number, value: number): Code | undefined {
    this.#functions ??= this.#elf.symbols
      .filter((s) => s.type === 'func' && s.section > 0)
      .sort((a, b) => a.value - b.value);
    const symbol = this.#functions.findLast((s) => s.section === section && s.value <= value);
    return symbol && value < symbol.value + symbol.size ? this.#function(symbol) : undefined;
  }

  #isCode(symbol: ElfSymbol): boolean {
    const section = this.#elf.sections[symbol.section];
    return symbol.section > 0 && section !== undefined && (section.flags & 4) !== 0;
  }
}

/** The instructions (`byte section`) that libbpf changes, each with the first member that it asks for. */
function changedIn(elf: Elf, btf: Btf): Map<string, NonNullable<Instruction['core']>> {
  return new Map(
    coreRelocations(elf, btf).map((r) => {
      const member = readAccess(btf, r).steps.find((s) => s.name !== undefined)?.name ?? '';
      return [`${r.offset} ${r.section}`, { type: essentialName(btf.nameAt(r.typeId)), member }];
    }),
  );
}
