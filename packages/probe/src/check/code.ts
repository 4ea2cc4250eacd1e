import { type Btf, type Code, type Elf, type KernelFacts, type Place, reachNumber } from '@skep/bpf';
import { type Extern, kconfigValue, presence } from './externs.ts';
import type { Relocated } from './hazards.ts';

const SHF_EXECINSTR = 4;

/** What the analysis of reachability asks of an object that is loaded into a kernel. */
export function codeOf(
  elf: Elf,
  btf: Btf,
  relocated: Relocated,
  facts: KernelFacts,
  externs: ReadonlyMap<string, Extern>,
  constants: ReadonlyMap<string, Uint8Array>,
): (plainContext: boolean) => Code {
  const symbols = new Map(
    elf.sections.filter((s) => relocated.code.has(s.name)).map((s) => [s.name, elf.references(s)]),
  );
  const target = ({ section, at }: Place) => {
    const symbol = symbols.get(section)?.get(at);
    return symbol && { symbol, into: elf.sections[symbol.section] };
  };
  const isCode = (section: { flags: number } | undefined): boolean =>
    section !== undefined && (section.flags & SHF_EXECINSTR) !== 0;
  const globals = new Set(
    elf.symbols
      .filter((s) => s.type === 'func' && s.binding !== 'local' && btf.find(s.name, 'func') !== undefined)
      .map((s) => `${s.value} ${elf.sections[s.section]?.name}`),
  );
  const code: Omit<Code, 'plainContext'> = {
    bytes: (section) => relocated.code.get(section),
    constantData: (section) => constants.get(section),
    uncertain: (section, at) => relocated.uncertain.size > 0 && relocated.uncertain.has(`${at} ${section}`),
    pointer(section, at) {
      const found = target({ section, at });
      if (!found) return undefined;
      const { symbol, into } = found;
      if (symbol.section === 0) {
        const extern = externs.get(symbol.name);
        if (!extern) return { kind: 'unknown' };
        if (extern.kind === 'kconfig') return { kind: 'address', extern: extern.name };
        const there = presence(extern, facts);
        return there === undefined ? { kind: 'unknown' } : there ? { kind: 'address' } : reachNumber(0);
      }
      if (!into || isCode(into) || /^(\.maps|maps)$/.test(into.name)) return { kind: 'address' };
      const bytes = relocated.code.get(section)!;
      const add = new DataView(bytes.buffer, bytes.byteOffset).getInt32(at + 4, true);
      // A named variable stands at its symbol, a string literal at a number within its section.
      return { kind: 'data', section: into.name, offset: symbol.value + add };
    },
    extern(name) {
      const extern = externs.get(name);
      return extern && kconfigValue(extern, btf, facts);
    },
    callee(place, ins) {
      const found = target(place);
      if (found && !isCode(found.into)) return undefined;
      const section = found?.into?.name ?? place.section;
      const at = (found ? found.symbol.value : place.at) + (ins.immediate + 1) * 8;
      return { section, at, global: globals.has(`${at} ${section}`) };
    },
    callback(place) {
      const found = target(place);
      if (!found || !isCode(found.into)) return undefined;
      const bytes = relocated.code.get(place.section)!;
      const add = new DataView(bytes.buffer, bytes.byteOffset).getInt32(place.at + 4, true);
      return { section: found.into!.name, at: found.symbol.value + add };
    },
  };
  // Two for all programs: what is found out of a function is kept with them.
  const [plain, other] = [true, false].map((plainContext): Code => ({ ...code, plainContext }));
  return (plainContext) => (plainContext ? plain! : other!);
}
