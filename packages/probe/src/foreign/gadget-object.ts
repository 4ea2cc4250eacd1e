import { type Btf, type Elf, mapDefinitions, parseObject, parseSection } from '@skep/bpf';
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
  gadget_timestamp: 'boot_timestamp_ns',
  gadget_duration: 'duration_ns',
  gadget_bytes: 'bytes_t',
  gadget_errno: 'errno_t',
  gadget_signal: 'signal_t',
  gadget_syscall: 'syscall_t',
  gadget_file_flags: 'open_flags_t',
  gadget_uid: 'user_id_t',
  gadget_kernel_stack: 'kernel_stack_id_t',
};

/** The parameters of its filter.h that narrow to an owner of events, as flags of run do. */
const OWNERS: Readonly<Record<string, string>> = { targ_pid: 'pid', targ_comm: 'comm', targ_uid: 'uid' };

/** What ig calls other parameters of its headers, whatever gadget.yaml says. */
const KEYS: ReadonlyMap<string, string> = new Map([
  ['targ_tid', 'tid'],
  ['targ_gid', 'gid'],
]);

/** Hooks in users' programs and libraries, which stand before a colon. */
const IN_USERS = /^\??(?:u(?:ret)?probe|usdt)\/(?<file>[^:]+)/;

/** A slot of a histogram, of which each stands for a power of two. */
const SLOT = /^gadget_histogram_slot__u(32|64)$/;

/** What gadget.yaml says of an object. */
export interface SaidOfGadget {
  /** Programs that it switches off. */
  readonly disabled?: ReadonlySet<string>;
  /** By parameter. */
  readonly help?: ReadonlyMap<string, string>;
  /** What parameters are called there, by their names in C. */
  readonly keys?: ReadonlyMap<string, string>;
  /** Of the numbers of data sources. */
  readonly units?: ReadonlyMap<string, string>;
}

/** An object of a gadget in our words, and what of it has none. */
export interface AdaptedGadget {
  bytes: Uint8Array;
  notes: string[];
  /** `PROG=MAP` each: what GADGET_ITER_TARGET_MAP points iterators at. */
  attach: string[];
  /** What parameters are called here, by their names in C, where that is something else. */
  params: ReadonlyMap<string, string>;
}

/**
 * Turns a gadget's object into one that says the same as skep.h does: the buffer of a tracer is called `print_…` and has
 * the type of its records, a map that is to be read as well, an iterator has its rows. Programs and data stay to the byte.
 *
 * @throws {BpfError} `SKEP_ELF_…`, `SKEP_BTF_…` for what is no BPF object
 */
export function adaptGadget(object: Uint8Array, name: string, said: SaidOfGadget = {}): AdaptedGadget {
  const { elf, btf: types } = parseObject(object, name);
  const file = new ElfEditor(object);
  const btf = new BtfEditor(file.content('.BTF')!);
  const notes: string[] = [];
  const targets: [program: string, map: string][] = [];
  const names = new Set(elf.symbols.map((s) => s.name));
  const renamed = new Map<string, string>();
  const histograms = new Set(
    mapDefinitions(types, elf).flatMap((m) => (hasSlots(types, m.valueTypeId) ? [m.name] : [])),
  );
  const rename = (from: string, to: string): void => {
    file.renameSymbol(from, to);
    btf.rename('var', from, to);
  };
  /** Why it cannot be shown, if so. */
  const show = (map: string, source: string, kind = 'print'): string | undefined => {
    const to = `${kind}_${source}`;
    if (renamed.has(map)) return `it shares the map ${map}`;
    if (!names.has(map)) return `the object has no map ${map}`;
    if (names.has(to) && map !== to) return `there is another ${to}`;
    names.add(to);
    renamed.set(map, to);
    rename(map, to);
    const unit = said.units?.get(source);
    if (unit !== undefined) btf.tag('var', to, `skep:unit=${unit}`);
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
      const why = show(mark.map, mark.source, histograms.has(mark.map) ? 'hist' : 'print');
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
  showUserStacks(btf);
  // Whose stack is beside it.
  btf.tagMembersOf('gadget_process', (member) => (member === 'pid' ? ['skep:pid'] : []));
  btf.nameType('enum', /_set$/, 'gadget_flags');
  btf.nameType('struct', /^gadget_l[34]endpoint_t$/, 'gadget_endpoint');
  // Which of both a lone address is, nothing says.
  btf.nameMember('union', 'gadget_ip_addr_t', 'v4', 'ipv4_addr');
  btf.nameMember('union', 'gadget_ip_addr_t', 'v6', 'ipv6_addr');
  const params = nameParams(elf, btf, said, rename);
  for (const name of oneOfSeveral(elf)) btf.tag('func', name, 'skep:optional');
  const { sections, others } = switchedOff(elf, said.disabled ?? new Set());
  const ext = file.content('.BTF.ext');
  if (ext && btf.dropRelocations(ext, ENRICHED))
    notes.push('whose socket a packet is, is not looked up: its process is not named');
  if (ext) for (const section of sections) btf.renameSection(ext, section, `?${section}`);
  for (const section of sections) file.renameSection(section, `?${section}`);
  file.replace('.BTF', btf.bytes);
  const attach = targets.map(([program, map]) => `${program}=${renamed.get(map) ?? map}`);
  return { bytes: file.bytes, notes, attach: [...attach, ...others], params };
}

/** Of where a user's stack was taken, what `ig` needs to name its frames is no news; the stack itself is. */
function showUserStacks(btf: BtfEditor): void {
  btf.nameMember('struct', 'gadget_user_stack', 'stack_id', 'user_stack_id_t');
  btf.tagMembersOf('gadget_user_stack', (member) => [
    member === 'stack_id' ? 'skep:stacks=ig_ustack' : 'skep:private',
    ...(member === 'tgid_level0' ? ['skep:pid'] : []),
  ]);
}

/** Gives parameters the help and the names of gadget.yaml, where a flag of run does not do the same. */
function nameParams(
  elf: Elf,
  btf: BtfEditor,
  { help = new Map(), keys = new Map() }: SaidOfGadget,
  rename: (from: string, to: string) => void,
): Map<string, string> {
  const taken = new Set(elf.symbols.map((s) => s.name));
  const renamed = new Map<string, string>();
  for (const [parameter, text] of help) btf.tag('var', parameter, `skep:help=${text}`);
  for (const [parameter, owner] of Object.entries(OWNERS)) btf.tag('var', parameter, `skep:owner=${owner}`);
  for (const [parameter, key] of new Map([...KEYS, ...keys])) {
    const to = key.replaceAll('-', '_');
    const owner = Object.values(OWNERS).find((flag) => flag === key);
    if (owner !== undefined) btf.tag('var', parameter, `skep:owner=${owner}`);
    if (owner !== undefined || !/^[a-z]\w*$/i.test(to) || taken.has(to) || !taken.has(parameter)) continue;
    taken.add(to);
    renamed.set(parameter, to);
    rename(parameter, to);
  }
  return renamed;
}

/**
 * Hooks of a gadget that knows several libraries for one purpose: those that are not here are passed over, as ig does,
 * which looks into each container for them. Without the only library of a gadget there would be nothing to see.
 */
function oneOfSeveral(elf: Elf): string[] {
  const hooks = functionsOf(elf).flatMap(({ name, section }) => {
    const file = IN_USERS.exec(section)?.groups?.file;
    return file === undefined ? [] : [{ name, file }];
  });
  return new Set(hooks.map((h) => h.file)).size > 1 ? hooks.map((h) => h.name) : [];
}

/** Whether a map's value holds a histogram. */
function hasSlots(btf: Btf, valueTypeId: number): boolean {
  const value = valueTypeId === 0 ? undefined : btf.resolve(valueTypeId);
  if (value?.kind !== 'struct') return false;
  return value.members.some((m) => {
    const array = btf.resolve(m.type);
    const element = array.kind === 'array' ? btf.type(array.element) : undefined;
    return element?.kind === 'typedef' && SLOT.test(element.name);
  });
}

function functionsOf(elf: Elf): { name: string; section: string }[] {
  return elf.symbols.flatMap((s) => {
    const section = elf.sections[s.section]?.name;
    return s.type === 'func' && s.binding !== 'local' && section !== undefined
      ? [{ name: s.name, section }]
      : [];
  });
}

/** Sections whose programs are loaded only when they are asked for, and `PROG=TARGET` of those in them that are. */
function switchedOff(elf: Elf, disabled: ReadonlySet<string>): { sections: Set<string>; others: string[] } {
  const functions = functionsOf(elf);
  const isOff = (f: { name: string; section: string }) => disabled.has(f.name) || DISABLED.test(f.section);
  const sections = new Set(
    functions.filter((f) => isOff(f) && !f.section.startsWith('?')).map((f) => f.section),
  );
  const others = functions.filter((f) => sections.has(f.section) && !isOff(f));
  return { sections, others: others.map((f) => `${f.name}=${parseSection(f.section).target}`) };
}
