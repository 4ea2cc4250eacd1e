import type { Btf, Elf } from '@skep/bpf';
import type { ProgramDescription } from '../describe/types.ts';
import { type Effect, effectsOf, effectText } from '../effects/effects.ts';
import { calledByMap } from '../targets/called-by-map.ts';
import { lacksTarget, wantedTarget } from '../targets/parse.ts';

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
  return [`run asks where it goes: --attach ${program.name}=${wantedTarget(program)}`, ...changes];
}
