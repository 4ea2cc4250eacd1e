import type { Btf, Elf, Verdict } from '@skep/bpf';
import type { ProgramDescription } from '../describe/types.ts';
import { calledByMap } from '../targets/called-by-map.ts';
import { TARGET_FORMS } from '../targets/forms.ts';

/**
 * Why `run` would have nothing of an object to attach; undefined when it has.
 *
 * @param taken programs that it would load
 * @param all of the object
 */
export function nothingToAttach(
  elf: Elf,
  taken: readonly ProgramDescription[],
  all: readonly ProgramDescription[],
): Verdict | undefined {
  if (taken.some((p) => Object.hasOwn(TARGET_FORMS, p.type) && !calledByMap(elf, p.name))) return undefined;
  const why =
    taken.length > 0
      ? 'socket maps, routes, tail calls and tables take such programs, and no hook does'
      : all.some((p) => p.autoload)
        ? 'every program is left out or refused'
        : 'no program is loaded by itself';
  return {
    state: 'refused',
    reason: `run would have nothing to attach: ${why}`,
    hint: 'It needs a program whose section names a hook, such as SEC("tracepoint/sched/sched_process_exec").',
  };
}

/** What USDT programs find their arguments by; libbpf looks for these maps by name. */
export function lacksUsdtSupport({ type }: ProgramDescription, btf: Btf): Verdict | undefined {
  if (type !== 'usdt' || btf.find('__bpf_usdt_specs', 'var')) return undefined;
  return {
    state: 'refused',
    reason: 'it was compiled without the support that USDT probes need',
    hint: 'Put #include <bpf/usdt.bpf.h> into its source.',
  };
}
