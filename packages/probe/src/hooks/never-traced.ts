import type { KernelFacts, Verdict } from '@skep/bpf';
import type { HookProgram } from './types.ts';

/** What a trampoline itself calls (btf_id_deny of kernel/bpf/verifier.c). */
const OF_TRAMPOLINES = new Set(['migrate_disable', 'migrate_enable']);
/** What never returns (noreturn_deny, since Linux 6.15; Debian's 6.12 has it as well). */
const NO_RETURN =
  /^(do_exit|do_group_exit|kthread_(complete_and_)?exit|make_task_dead|__(x64|ia32|arm64)_sys_exit(_group)?)$/;

/** Functions that ftrace lists and the verifier nevertheless keeps programs with trampolines from. Undefined when nothing speaks against it. */
export function neverTraced(
  { type, target }: HookProgram,
  { version: [major, minor] }: KernelFacts,
): Verdict | undefined {
  const since = (...[a, b]: [number, number]) => major > a || (major === a && minor >= b);
  if (OF_TRAMPOLINES.has(target))
    return {
      state: since(5, 13) ? 'refused' : 'unknown',
      reason: `${target} is called by what calls the programs, and they may not be on it`,
      hint: 'A kprobe takes its place.',
    };
  if ((type === 'fexit' || type === 'fmod_ret' || type === 'fsession') && NO_RETURN.test(target))
    return {
      state: since(6, 15) && type !== 'fsession' ? 'refused' : 'unknown',
      reason: `${target} never returns, and newer kernels refuse ${type} programs on it`,
      hint: 'Hook it with fentry, where it begins.',
    };
  return undefined;
}
