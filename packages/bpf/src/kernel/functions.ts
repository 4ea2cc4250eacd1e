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
