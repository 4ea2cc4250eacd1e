import type { Btf, KernelFacts, Verdict } from '@skep/bpf';
import { readTags } from '../describe/tags.ts';
import type { HookProgram } from './types.ts';
import { refused } from './verdict.ts';

/**
 * Whether a kernel is older than the program's author says that it has to be (SKEP_SINCE); undefined when it is not.
 *
 * @param btf of the object
 */
export function tooOld(
  { name }: HookProgram,
  { version, name: kernel }: KernelFacts,
  btf: Btf,
): Verdict | undefined {
  const func = btf.find(name, 'func');
  const { since } = readTags(func ? btf.declTags(func.id) : []);
  if (since === undefined) return undefined;
  const [major, minor] = version;
  const reason = `it is for Linux ${since} and later`;
  if (major === 0) return { state: 'unknown', reason: `the version of ${kernel} is not known: ${reason}` };
  const [first = 0, second = 0] = since.split('.').map(Number);
  if (major > first || (major === first && minor >= second)) return undefined;
  return { state: 'refused', reason, hint: 'Older kernels do not need it, or lack what it needs.' };
}

/** What a section without a target leaves to `--attach`. */
const TARGETS: Readonly<Record<string, string>> = {
  fentry: 'function',
  fexit: 'function',
  fmod_ret: 'function',
  kprobe: 'function',
  kretprobe: 'function',
  ksyscall: 'system call',
  kretsyscall: 'system call',
  lsm: 'LSM hook',
  iter: 'iterator',
  tp_btf: 'tracepoint',
  raw_tp: 'tracepoint',
  tracepoint: 'tracepoint',
};

/** A section may leave its target to who runs the program: nothing is missing then, and nothing can be looked up. */
export function unnamed({ name, type, target }: HookProgram): Verdict | undefined {
  if (target !== '' || !Object.hasOwn(TARGETS, type)) return undefined;
  // --attach says which thing an iterator goes over, and not which iterator it is.
  if (type === 'iter') return refused('the section names no iterator', 'SEC("iter/task") does, for one.');
  const what = TARGETS[type]!;
  const hint = `Say which: --attach ${name}=${what.split(' ').at(-1)!.toUpperCase()}.`;
  return { state: 'unknown', reason: `the section names no ${what}`, hint };
}
