import { type Btf, type Elf, helperName, type KernelFacts, type Verdict } from '@skep/bpf';
import type { ProgramDescription } from '../describe/types.ts';
import type { Code } from '../effects/code.ts';
import { licenseOf } from '../license/check.ts';
import { GPL_COMPATIBLE, GPL_ONLY_HELPERS } from '../license/gpl-helpers.ts';
import { readCode } from './read-code.ts';

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

/** Why a function of the kernel is refused to an object for its licence, on every kernel that has any for programs. */
export function keptKfunc(elf: Elf, name: string): string | undefined {
  const lacking = lackingLicense(elf);
  return (
    lacking && `the kernel keeps its functions, such as ${name}, for GPL-compatible programs, and ${lacking}`
  );
}

/**
 * Kinds of programs that have to be GPL-compatible: those on security hooks, and since 5.12 those that stand for its own
 * functions. So has, since 5.13, whatever names a function of the kernel's: the verifier counts those before it walks, so
 * that dead code counts as well, and a weak one that is not there.
 */
export function licenseVerdict(
  elf: Elf,
  btf: Btf,
  { name, type }: ProgramDescription,
  facts: KernelFacts,
): Verdict | undefined {
  const lacking = lackingLicense(elf);
  if (lacking === undefined) return undefined;
  const [major, minor] = facts.version;
  if (type !== 'lsm' && type !== 'struct_ops') {
    const called = major > 5 || (major === 5 && minor >= 13) ? namedKfunc(elf, btf, name) : undefined;
    return called === undefined
      ? undefined
      : { state: 'refused', reason: keptKfunc(elf, called)!, hint: HINT };
  }
  const reason = `the kernel keeps ${type} programs for the GPL-compatible, and ${lacking}`;
  if (type === 'struct_ops' && (major < 5 || (major === 5 && minor < 12)))
    return major === 0 ? { state: 'unknown', reason } : undefined;
  return { state: 'refused', reason, hint: HINT };
}

const HINT = 'Add: char LICENSE[] SEC("license") = "GPL";';

/** What an object calls is the same on every kernel. */
const objects = new WeakMap<Elf, Map<string, string | undefined>>();

/** The first function of the kernel that a program or what is loaded with it names, be it in code that is dead. */
function namedKfunc(elf: Elf, btf: Btf, program: string): string | undefined {
  const known = objects.get(elf) ?? new Map<string, string | undefined>();
  objects.set(elf, known);
  if (known.has(program)) return known.get(program);
  const code = readCode(elf, btf).program(program);
  const found = code && firstKfunc(code, new Set());
  known.set(program, found);
  return found;
}

function firstKfunc(code: Code, seen: Set<Code>): string | undefined {
  if (seen.has(code)) return undefined;
  seen.add(code);
  for (const { kfunc, callee } of code.instructions.values()) {
    const found = kfunc ?? (callee && firstKfunc(callee, seen));
    if (found !== undefined) return found;
  }
  return undefined;
}
