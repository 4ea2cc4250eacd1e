import { tracefs } from './filesystems.ts';
import { kernelList } from './lists.ts';
import { isThere } from './there.ts';

/** Whether this kernel can put probes on its functions: through perf (4.17), or through tracefs before. */
export function hasKprobes(): boolean {
  if (isThere('/sys/bus/event_source/devices/kprobe/type')) return true;
  const where = tracefs();
  return where !== undefined && isThere(`${where}/kprobe_events`);
}

/** Whether this kernel has a function of that name; undefined when /proc/kallsyms does not tell. */
export function hasKernelFunction(name: string): boolean | undefined {
  // address, type (t or T: code), name, [module]
  const text = kernelList('/proc/kallsyms');
  if (text === undefined) return undefined;
  for (let at = text.indexOf(` ${name}`); at >= 0; at = text.indexOf(` ${name}`, at + 1)) {
    const end = text[at + name.length + 1];
    if (/[tTwW]/.test(text[at - 1] ?? '') && (end === '\n' || end === '\t')) return true;
  }
  return false;
}

/**
 * What a system call's function is called since Linux 4.17, where programs still go by its old name: of `sys_execve`
 * `__x64_sys_execve`. cilium/ebpf looks there as well, and so do bee, bpfman and Inspektor Gadget. Undefined for other names.
 *
 * @param architecture as `uname -m` or Node says it
 */
export function systemCallWrapper(name: string, architecture: string): string | undefined {
  const arm = architecture === 'arm64' || architecture === 'aarch64';
  return /^sys_[a-z]/.test(name) ? `__${arm ? 'arm64' : 'x64'}_${name}` : undefined;
}
