import type { KernelFacts, Verdict } from '@skep/bpf';
import type { HookProgram } from './types.ts';

const SYSTEM_CALL = /^__(?:x64|ia32|arm64|se|riscv)_(?:compat_)?sys_/;
/** Functions of the kernel's own that are meant for it (register_btf_fmodret_id_set()). */
const MEANT_FOR_IT = /^(?:__)?(?:bpf|hid_bpf)_|^update_socket_protocol$/;

/**
 * fmod_ret programs, and sleepable ones, may be only on functions whose errors can be injected (ALLOW_ERROR_INJECTION(), as
 * all system calls have): kernel/bpf/verifier.c, check_attach_modify_return() and bpf_check_attach_target(). A kernel without
 * CONFIG_FUNCTION_ERROR_INJECTION has none of these; 6.12 has no exception, 7.2 makes one of system calls. Undefined
 * when nothing speaks against it, as far as it is known.
 */
export function mayChangeOrSleep(
  { type, section, target }: HookProgram,
  { config, version: [major, minor] }: KernelFacts,
): Verdict | undefined {
  const sleeps = /\.s\//.test(section);
  if (!sleeps && (type !== 'fmod_ret' || target.startsWith('security_'))) return undefined;
  const can = config && config.get('CONFIG_FUNCTION_ERROR_INJECTION') === 'y';
  const call = SYSTEM_CALL.test(target);
  const since = (...[a, b]: [number, number]) => major > a || (major === a && minor >= b);
  if (call && (can || since(7, 2))) return undefined;
  const what = sleeps ? 'sleep' : 'change what it returns';
  if (can !== false || MEANT_FOR_IT.test(target) || (call && since(6, 13)))
    return { state: 'unknown', reason: `whether a program on ${target} may ${what} is not known` };
  return {
    state: 'refused',
    reason: `a program on ${target} may not ${what} here`,
    hint: 'The kernel was built without CONFIG_FUNCTION_ERROR_INJECTION. Observe it by fentry or fexit.',
  };
}

/** Iterators over what the kernel holds locks of while they run: their targets lack BPF_ITER_RESCHED (bpf_iter_link_attach()). */
const LOCKED =
  /^(bpf_map|bpf_map_elem|bpf_sk_storage_map|bpf_prog|bpf_link|tcp|udp|unix|netlink|ipv6_route|sockmap)$/;

/** Iterators that may sleep load on every target, and are attached to some. Undefined when nothing speaks against it. */
export function iteratorSleeps(
  { section, target }: HookProgram,
  { version: [major, minor] }: KernelFacts,
): Verdict | undefined {
  if (!/\.s\//.test(section) || !LOCKED.test(target)) return undefined;
  // 5.10 attaches them, and 6.1 does not.
  const known = (major === 6 && minor >= 1) || (major === 7 && minor <= 2);
  return {
    state: known ? 'refused' : 'unknown',
    reason: `an iterator over ${target} may not sleep`,
    hint: `SEC("iter/${target}") does not.`,
  };
}
