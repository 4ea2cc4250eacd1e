import { effectsOf, effectText } from '@skep/probe';
import { RuntimeError } from '../errors.ts';
import type { Opened } from './open.ts';
import { blame } from './probes.ts';

/**
 * Refuses programs that can do more than look, before anything is loaded: what they can do is read from their code.
 *
 * @throws RuntimeError SKEP_MODIFIES, which names the program, what it can do and the line
 */
export function refuseModifying(opened: readonly Opened[]): void {
  for (const o of opened) {
    const { object } = o;
    const programs = object.programs.filter((p) => p.autoload);
    for (const [name, effects] of effectsOf(object.elf, object.btf, programs)) {
      const { type } = object.program(name);
      const refusal = new RuntimeError(
        'SKEP_MODIFIES',
        `Program "${name}" (${type}) may do more than look: ${effectText(effects)}`,
        'If that is what it is for, run it with --allow-modify.',
      );
      throw blame(refusal, o);
    }
  }
}
