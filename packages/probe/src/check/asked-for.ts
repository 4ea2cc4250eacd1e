import type { Btf, Elf, Verdict } from '@skep/bpf';
import type { ProgramDescription } from '../describe/types.ts';
import { type Effect, effectsOf, effectText } from '../effects/effects.ts';
import { TARGET_FORMS } from '../targets/forms.ts';
import { lacksTarget } from '../targets/parse.ts';

/** What an object's programs do is the same on every kernel. */
const objects = new WeakMap<Elf, ReadonlyMap<string, readonly Effect[]>>();

/**
 * What `run` wants to be told before it runs a program that the kernel takes: where it goes, and that it may do more than
 * look. Sentences without a full stop.
 *
 * @param programs all of the object
 * @param placed whether it is said from outside where it goes
 */
export function askedFor(
  elf: Elf,
  btf: Btf,
  program: ProgramDescription,
  programs: readonly ProgramDescription[],
  placed: boolean,
): string[] {
  const effects = objects.get(elf) ?? effectsOf(elf, btf, programs);
  objects.set(elf, effects);
  const own = effects.get(program.name);
  const changes = own ? [`run asks for --allow-modify: ${effectText(own)}`] : [];
  if (placed || !lacksTarget(program) || calledByMap(elf, program.name)) return changes;
  return [
    `run asks where it goes: --attach ${program.name}=${TARGET_FORMS[program.type]!.target}`,
    ...changes,
  ];
}

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

/** Whether a map of programs names it in the source (a prog_array's `.values`): others jump to it, and it is not attached. */
export function calledByMap(elf: Elf, program: string): boolean {
  const maps = elf.section('.maps');
  if (!maps) return false;
  return elf.relocations(maps).some(({ symbol }) => symbol.type === 'func' && symbol.name === program);
}
