import type { Elf, ElfSection } from '@skep/bpf';
import { ProbeError } from '../errors.ts';
import { GPL_COMPATIBLE, GPL_ONLY_HELPERS } from './gpl-helpers.ts';

const SHF_EXECINSTR = 4;
const BPF_CALL = 0x85;
const BPF_LD_IMM64 = 0x18;
/** `src_reg` of a call to a kernel function (BPF_PSEUDO_KFUNC_CALL), which all need the GPL. */
const KFUNC_CALL = 2;

/** The text of `SEC("license")`; '' when the object has none. */
export function licenseOf(elf: Elf): string {
  const data = elf.section('license')?.data ?? new Uint8Array(0);
  const end = data.indexOf(0);
  return Buffer.from(data.subarray(0, end < 0 ? undefined : end)).toString('latin1');
}

/**
 * What in this object the kernel allows only with a GPL-compatible licence: helper names, "kernel functions", program
 * types. Sorted, each once.
 */
export function gplOnlyUses(elf: Elf): string[] {
  const uses = new Set<string>();
  for (const section of elf.sections) {
    if ((section.flags & SHF_EXECINSTR) === 0 || section.size === 0) continue;
    if (/^(\?)?(lsm|struct_ops)\b/.test(section.name))
      uses.add(`programs of type ${section.name.split(/[./]/)[0]}`);
    for (const use of callsOf(section)) uses.add(use);
  }
  return [...uses].sort();
}

function callsOf(section: ElfSection): string[] {
  const { data } = section;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const found: string[] = [];
  for (let at = 0; at + 8 <= data.length; at += data[at] === BPF_LD_IMM64 ? 16 : 8) {
    if (data[at] !== BPF_CALL) continue;
    const sourceRegister = data[at + 1]! >> 4;
    const name = sourceRegister === 0 ? GPL_ONLY_HELPERS.get(view.getInt32(at + 4, true)) : undefined;
    if (name) found.push(name);
    if (sourceRegister === KFUNC_CALL) found.push('kernel functions (kfuncs)');
  }
  return found;
}

/**
 * Refuses an object whose licence does not allow what it calls; the kernel would refuse it at load, on somebody
 * else's machine.
 *
 * @throws {ProbeError} `SKEP_LICENSE`
 */
export function checkLicense(elf: Elf, file: string): void {
  const license = licenseOf(elf);
  if (GPL_COMPATIBLE.includes(license)) return;
  const uses = gplOnlyUses(elf);
  if (uses.length === 0) return;
  const has = license === '' ? 'has no SEC("license")' : `has the licence "${license}"`;
  throw new ProbeError(
    'SKEP_LICENSE',
    `${file} ${has}, but calls what the kernel keeps for GPL-compatible programs: ${uses.join(', ')}.`,
    {
      hint: `Add: char LICENSE[] SEC("license") = "GPL"; (or another of ${GPL_COMPATIBLE.slice(1)
        .map((l) => `"${l}"`)
        .join(', ')}), or do without ${uses.length === 1 ? 'it' : 'them'}.`,
    },
  );
}
