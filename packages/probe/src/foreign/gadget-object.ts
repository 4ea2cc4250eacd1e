import { type Elf, parseObject, parseSection } from '@skep/bpf';
import { BtfEditor } from './btf-edit.ts';
import { ElfEditor } from './elf-edit.ts';
import { gadgetMarks } from './gadget-marks.ts';

/** A program whose hook only its WASM module would name. */
const DISABLED = /\/gadget_program_disabled$/;

/**
 * What Inspektor Gadget's own programs lay into maps for gadgets, at places of their version (its include/gadget/types.h).
 * The relocations ask for its types, which no kernel has.
 */
const ENRICHED = /^gadget_socket_value(___.*)?$/;

/** Its types that have a name of the same meaning here (skep.h). */
const TYPEDEFS: Readonly<Record<string, string>> = {
  gadget_timestamp: 'timestamp_ns',
  gadget_duration: 'duration_ns',
  gadget_bytes: 'bytes_t',
  gadget_errno: 'errno_t',
  gadget_signal: 'signal_t',
  gadget_syscall: 'syscall_t',
  gadget_file_flags: 'open_flags_t',
  gadget_uid: 'user_id_t',
  gadget_kernel_stack: 'kernel_stack_id_t',
};

/** An object of a gadget in our words, and what of it has none. */
export interface AdaptedGadget {
  bytes: Uint8Array;
  notes: string[];
  /** `PROG=MAP` each: what GADGET_ITER_TARGET_MAP points iterators at. */
  attach: string[];
}

/**
 * Turns a gadget's object into one that says the same as skep.h does: the buffer of a tracer is called `print_…` and has
 * the type of its records, a map that is to be read as well, an iterator has its rows. Programs and data stay to the byte.
 *
 * @param disabled programs that gadget.yaml switches off
 * @param help what gadget.yaml says of parameters
 * @throws {BpfError} `SKEP_ELF_…`, `SKEP_BTF_…` for what is no BPF object
 */
export function adaptGadget(
  object: Uint8Array,
  name: string,
  disabled: ReadonlySet<string> = new Set(),
  help: ReadonlyMap<string, string> = new Map(),
): AdaptedGadget {
  const { elf, btf: types } = parseObject(object, name);
  const file = new ElfEditor(object);
  const btf = new BtfEditor(file.content('.BTF')!);
  const notes: string[] = [];
  const targets: [program: string, map: string][] = [];
  const names = new Set(elf.symbols.map((s) => s.name));
  const renamed = new Map<string, string>();
  const rename = (from: string, to: string): void => {
    file.renameSymbol(from, to);
    btf.rename('var', from, to);
  };
  /** Why it cannot be shown, if so. */
  const show = (map: string, source: string): string | undefined => {
    const to = `print_${source}`;
    if (renamed.has(map)) return `it shares the map ${map}`;
    if (!names.has(map)) return `the object has no map ${map}`;
    if (names.has(to) && map !== to) return `there is another ${to}`;
    names.add(to);
    renamed.set(map, to);
    rename(map, to);
    // GADGET_TRACER_MAP's count of what found no room.
    if (names.has(`${map}_lost_samples`)) rename(`${map}_lost_samples`, `${to}_lost`);
    return undefined;
  };
  for (const mark of gadgetMarks(elf, types)) {
    if (mark.kind === 'expression') {
      notes.push(`${mark.about} is not evaluated: ${mark.text}`);
    } else if (mark.kind === 'target') {
      targets.push([mark.program, mark.map]);
    } else if (mark.kind === 'mapiter') {
      const why = show(mark.map, mark.source);
      if (why !== undefined) notes.push(`the map iterator ${mark.source} is not shown: ${why}`);
    } else {
      const what = mark.kind === 'tracer' ? 'tracer' : 'iterator';
      const type = btf.struct(mark.struct);
      if (type === undefined) {
        notes.push(`the ${what} ${mark.source} is not shown: the object has no struct ${mark.struct}`);
      } else if (mark.kind === 'iter') {
        for (const program of mark.programs) btf.addPointer(`skep_rows_${program}`, type);
      } else {
        const why = show(mark.map, mark.source);
        if (why !== undefined) notes.push(`the tracer ${mark.source} is not shown: ${why}`);
        else btf.addValue(renamed.get(mark.map)!, type);
      }
    }
  }
  // Its one map of them, of that name in its kernel_stack_map.h; there may be one of users' stacks beside it.
  btf.tagMembers('gadget_kernel_stack', 'skep:stacks=ig_kstack');
  for (const [theirs, ours] of Object.entries(TYPEDEFS)) btf.rename('typedef', theirs, ours);
  for (const [parameter, text] of help) btf.tag(parameter, `skep:help=${text}`);
  // Which of both an address is, stands beside it.
  btf.nameMember('gadget_ip_addr_t', 'v4', 'ipv4_addr');
  btf.nameMember('gadget_ip_addr_t', 'v6', 'ipv6_addr');
  const { sections, others } = switchedOff(elf, disabled);
  const ext = file.content('.BTF.ext');
  if (ext && btf.dropRelocations(ext, ENRICHED))
    notes.push('whose socket a packet is, is not looked up: its process is not named');
  if (ext) for (const section of sections) btf.renameSection(ext, section, `?${section}`);
  for (const section of sections) file.renameSection(section, `?${section}`);
  file.replace('.BTF', btf.bytes);
  const attach = targets.map(([program, map]) => `${program}=${renamed.get(map) ?? map}`);
  return { bytes: file.bytes, notes, attach: [...attach, ...others] };
}

/** Sections whose programs are loaded only when they are asked for, and `PROG=TARGET` of those in them that are. */
function switchedOff(elf: Elf, disabled: ReadonlySet<string>): { sections: Set<string>; others: string[] } {
  const functions = elf.symbols.flatMap((s) => {
    const section = elf.sections[s.section]?.name;
    return s.type === 'func' && s.binding !== 'local' && section !== undefined
      ? [{ name: s.name, section }]
      : [];
  });
  const isOff = (f: { name: string; section: string }) => disabled.has(f.name) || DISABLED.test(f.section);
  const sections = new Set(
    functions.filter((f) => isOff(f) && !f.section.startsWith('?')).map((f) => f.section),
  );
  const others = functions.filter((f) => sections.has(f.section) && !isOff(f));
  return { sections, others: others.map((f) => `${f.name}=${parseSection(f.section).target}`) };
}
