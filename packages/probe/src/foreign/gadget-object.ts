import { parseObject } from '@skep/bpf';
import { BtfEditor } from './btf-edit.ts';
import { ElfEditor } from './elf-edit.ts';

/**
 * What Inspektor Gadget's macros leave in an object are variables whose names say everything, parts joined by `___`
 * (its include/gadget/macros.h): `gadget_tracer_DATASOURCE___MAP___STRUCT`.
 */
const MARK = /^gadget_(tracer|mapiter|iter|snapshotter|param)_(.+)$/;

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
};

/** An object of a gadget in our words, and what of it has none. */
export interface AdaptedGadget {
  bytes: Uint8Array;
  notes: string[];
  /** What GADGET_PARAM names. */
  params: string[];
}

/**
 * Turns a gadget's object into one that says the same as skep.h does: the buffer of a tracer is called `print_…` and has
 * the type of its records, a map that is to be read as well, an iterator has its rows. Programs and data stay to the byte.
 *
 * @throws {BpfError} `SKEP_ELF_…`, `SKEP_BTF_…` for what is no BPF object
 */
export function adaptGadget(object: Uint8Array, name: string): AdaptedGadget {
  const { elf } = parseObject(object, name);
  const file = new ElfEditor(object);
  const btf = new BtfEditor(file.content('.BTF')!);
  const notes: string[] = [];
  const params: string[] = [];
  const renamed = new Set<string>();
  const show = (map: string, source: string): boolean => {
    if (renamed.has(map) || !elf.symbols.some((s) => s.name === map)) return false;
    renamed.add(map);
    file.renameSymbol(map, `print_${source}`);
    btf.rename('var', map, `print_${source}`);
    return true;
  };
  for (const { name: symbol } of elf.symbols) {
    const [, macro, rest = ''] = MARK.exec(symbol) ?? [];
    const [source = '', second = '', ...others] = rest.split('___');
    if (macro === 'param') params.push(rest);
    else if (macro === 'tracer') {
      const type = btf.struct(others[0] ?? '');
      if (type === undefined) {
        notes.push(`the tracer ${source} is not shown: the object has no struct ${others[0]}`);
        continue;
      }
      btf.addValue(second, type);
      if (!show(second, source)) notes.push(`the tracer ${source} is not shown: it shares the map ${second}`);
    } else if (macro === 'mapiter') {
      if (!show(second, source))
        notes.push(`the map iterator ${source} is not shown: it shares the map ${second}`);
    } else if (macro === 'iter' || macro === 'snapshotter') {
      const type = btf.struct(second);
      for (const program of others) if (type !== undefined) btf.addPointer(`skep_rows_${program}`, type);
    }
  }
  for (const [theirs, ours] of Object.entries(TYPEDEFS)) btf.rename('typedef', theirs, ours);
  file.replace('.BTF', btf.bytes);
  return { bytes: file.bytes, notes, params };
}
