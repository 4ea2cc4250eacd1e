import {
  type Btf,
  CALL,
  type CoreRelocation,
  CoreResolver,
  coreRelocations,
  decodeChanged,
  type Elf,
  type ElfSection,
  helperName,
  instructionsIn,
  type KernelFacts,
  patchInstruction,
} from '@skep/bpf';
import { type Extern, presence } from './externs.ts';

/** An instruction that the kernel refuses if the verifier gets there. */
export interface Hazard {
  readonly section: string;
  /** Byte of the instruction. */
  readonly at: number;
  /** Whether it is one for certain, or only for what is known. */
  readonly certain: boolean;
  readonly reason: string;
  /** How a program does without, where the kernel lacks something. */
  readonly hint?: string;
}

/** As run says of the same. */
const ASK_FIRST = 'Guard it with bpf_core_field_exists() or bpf_core_type_exists().';

/** An object's instructions as libbpf would hand them to a kernel, and what may be wrong with them. */
export interface Relocated {
  /** Code by section, with CO-RE answers in it. */
  readonly code: ReadonlyMap<string, Uint8Array>;
  readonly hazards: readonly Hazard[];
  /** For what libbpf gives up loading at all; `section` is that of the program in question. */
  readonly faults: readonly { readonly section: string; readonly reason: string; readonly hint: string }[];
  /** Instructions (`byte section`) whose answer hangs on modules that are not known. */
  readonly uncertain: ReadonlySet<string>;
}

const SHF_EXECINSTR = 4;
const KFUNC = 2;

/** Puts the answers of `facts` into the object's code. Without the kernel's types nothing is answered. */
export function relocate(
  elf: Elf,
  btf: Btf,
  facts: KernelFacts,
  externs: ReadonlyMap<string, Extern>,
): Relocated {
  const sections = elf.sections.filter((s) => (s.flags & SHF_EXECINSTR) !== 0 && s.size > 0);
  const code = new Map(sections.map((s) => [s.name, new Uint8Array(s.data)]));
  const hazards: Hazard[] = [];
  const faults: { section: string; reason: string; hint: string }[] = [];
  const uncertain = new Set<string>();
  const relocations = relocationsOf(elf, btf);
  const changed = new Map(sections.map((s) => [s.name, [] as number[]]));
  const types = facts.btf ?? facts.relocationTypes;
  const resolver = types && new CoreResolver(btf, types, facts.btf ? (facts.modules?.() ?? []) : []);
  for (const relocation of relocations) {
    const { section, offset: at, kind } = relocation;
    const bytes = code.get(section);
    if (!bytes) continue;
    if (!resolver) {
      if (kind === 'type_id_local') continue;
      uncertain.add(`${at} ${section}`);
      hazards.push({ section, at, certain: false, reason: `the types of ${facts.name} are not known` });
      continue;
    }
    const resolution = resolver.resolve(relocation);
    // Another module may bring a type that the kernel proper lacks.
    const settled =
      resolution.known || !facts.btf || facts.inModules?.(bareName(btf, relocation.typeId)) === false;
    if (!settled) uncertain.add(`${at} ${section}`);
    const patched = patchInstruction(bytes, resolution);
    changed.get(section)!.push(at);
    if (patched.state === 'error' && settled)
      faults.push({ section, reason: patched.reason, hint: ASK_FIRST });
    else if (patched.state !== 'patched')
      hazards.push({ section, at, certain: settled, reason: patched.reason, hint: ASK_FIRST });
  }
  for (const section of sections) {
    decodeChanged(code.get(section.name)!, section.data, changed.get(section.name)!);
    hazards.push(...callHazards(elf, section, facts, externs));
  }
  return { code, hazards, faults, uncertain };
}

/** What an object asks is the same of every kernel. */
const objects = new WeakMap<Elf, readonly CoreRelocation[]>();

function relocationsOf(elf: Elf, btf: Btf): readonly CoreRelocation[] {
  const known = objects.get(elf) ?? coreRelocations(elf, btf);
  objects.set(elf, known);
  return known;
}

function bareName(btf: Btf, typeId: number): string {
  return btf.type(typeId).name.replace(/___.*$/, '');
}

/** Calls of helpers and kfuncs that the kernel has not, or not for every program; and instructions it may not know. */
function callHazards(
  elf: Elf,
  section: ElfSection,
  facts: KernelFacts,
  externs: ReadonlyMap<string, Extern>,
): Hazard[] {
  const out: Hazard[] = [];
  const symbols = elf.references(section);
  const has = enumerators(facts.btf);
  const add = (at: number, certain: boolean, reason: string, hint?: string): void => {
    out.push({ section: section.name, at, certain, reason, ...(hint !== undefined && { hint }) });
  };
  for (const [i, ins] of instructionsIn(section.data).entries()) {
    if (!ins) continue;
    const at = i * 8;
    const symbol = symbols.get(at);
    const extern = symbol?.section === 0 ? externs.get(symbol.name) : undefined;
    if (ins.opcode === CALL && extern?.kind === 'function') {
      const there = presence(extern, facts);
      if (there !== true)
        add(
          at,
          there === false,
          `the kernel has no function ${extern.name} for programs`,
          `Declare it __ksym __weak, and ask before it is called: if (${extern.name}).`,
        );
    } else if (extern?.kind === 'variable') {
      // The types name it, but the kernel gives its address by its symbols, which may be those of functions alone.
      if (presence(extern, facts) === true && facts.hasSymbol?.(extern.name) === false)
        add(at, true, `the kernel does not say where its "${extern.name}" is (CONFIG_KALLSYMS_ALL)`);
    } else if (ins.opcode === CALL && ins.source === 0 && !symbol) {
      const name = helperName(ins.immediate);
      if (has && ins.immediate >= has)
        add(
          at,
          true,
          `the kernel has no helper ${name}`,
          `Guard it with bpf_core_enum_value_exists(enum bpf_func_id, ${name.replace(/^bpf_/, 'BPF_FUNC_')}).`,
        );
    } else if (ins.opcode === CALL && ins.source === KFUNC) {
      add(at, false, 'a kernel function is called by number');
    }
    const since = newInstruction(ins.opcode, ins.offset, ins.immediate, ins.source);
    if (since && older(facts, since))
      add(at, false, `it uses an instruction that came with Linux ${since.join('.')}`);
  }
  return out;
}

/** How many helpers a kernel has, by its own enum; undefined when its types are not known. */
function enumerators(btf: Btf | undefined): number | undefined {
  const ids = btf?.find('bpf_func_id', 'enum') ?? btf?.find('bpf_func_id', 'enum64');
  if (ids?.kind !== 'enum' && ids?.kind !== 'enum64') return undefined;
  const max = ids.values.find((v) => v.name === '__BPF_FUNC_MAX_ID');
  return max && Number(max.value);
}

/** The version that brought an instruction, if that is newer than 5.10: atomics (-mcpu=v3), -mcpu=v4, and what came after. */
function newInstruction(
  opcode: number,
  offset: number,
  immediate: number,
  source: number,
): readonly [number, number] | undefined {
  const kind = opcode & 7;
  const store = kind === 3 && (opcode & 0xe0) === 0xc0;
  if (store && (immediate === 0x100 || immediate === 0x110)) return [6, 15];
  if (store && immediate !== 0) return [5, 12];
  const moves = (kind === 4 || kind === 7) && opcode >> 4 === 11 && offset !== 0;
  const divides = (kind === 4 || kind === 7) && (opcode >> 4 === 3 || opcode >> 4 === 9) && offset !== 0;
  const swaps = kind === 7 && opcode >> 4 === 13;
  const loads = kind === 1 && (opcode & 0xe0) === 0x80;
  const far = opcode === 0x06 && source === 0;
  // may_goto, and a cast from or to an arena; what loads and stores in order (load-acquire, store-release).
  if (opcode === 0xe5 || (opcode === 0xbf && offset === 1)) return [6, 9];
  return moves || divides || swaps || loads || far ? [6, 6] : undefined;
}

function older(facts: KernelFacts, [major, minor]: readonly [number, number]): boolean {
  const [a, b] = facts.version;
  return a === 0 || a < major || (a === major && b < minor);
}
