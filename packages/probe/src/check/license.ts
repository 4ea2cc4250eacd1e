import { type Elf, helperName, type KernelFacts, type Verdict } from '@skep/bpf';
import type { ProgramDescription } from '../describe/types.ts';
import { licenseOf } from '../license/check.ts';
import { GPL_COMPATIBLE, GPL_ONLY_HELPERS } from '../license/gpl-helpers.ts';

const kept: ReadonlySet<string> = new Set([...GPL_ONLY_HELPERS.keys()].map(helperName));

/** What an object's licence is called where it does not suffice; undefined where the kernel takes it for the GPL's like. */
export function lackingLicense(elf: Elf): string | undefined {
  const license = licenseOf(elf);
  if (GPL_COMPATIBLE.includes(license)) return undefined;
  return license === '' ? 'the object names no licence' : `the object has the licence "${license}"`;
}

/** Why a helper is refused to an object for its licence, on every kernel alike. */
export function keptHelper(elf: Elf, helper: string): string | undefined {
  const lacking = kept.has(helper) ? lackingLicense(elf) : undefined;
  return lacking && `the kernel keeps ${helper} for GPL-compatible programs, and ${lacking}`;
}

/** Kinds of programs that have to be GPL-compatible: those on security hooks, and since 5.12 those that stand for its own functions. */
export function licenseVerdict(
  elf: Elf,
  { type }: ProgramDescription,
  facts: KernelFacts,
): Verdict | undefined {
  const lacking = type === 'lsm' || type === 'struct_ops' ? lackingLicense(elf) : undefined;
  if (lacking === undefined) return undefined;
  const [major, minor] = facts.version;
  const reason = `the kernel keeps ${type} programs for the GPL-compatible, and ${lacking}`;
  if (type === 'struct_ops' && (major < 5 || (major === 5 && minor < 12)))
    return major === 0 ? { state: 'unknown', reason } : undefined;
  return { state: 'refused', reason, hint: 'Add: char LICENSE[] SEC("license") = "GPL";' };
}
