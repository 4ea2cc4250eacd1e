import { effectsOf } from '@skep/probe';
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
      const [first, ...more] = effects;
      const { what, source, section, offset } = first!;
      const where = source
        ? `${source.file.split('/').at(-1)}:${source.line}: ${source.text}`
        : `instruction ${offset / 8} of section ${section}`;
      const others = more.length > 0 ? ` (and ${more.length} more like that)` : '';
      const refusal = new RuntimeError(
        'SKEP_MODIFIES',
        `Program "${name}" (${type}) may do more than look: it ${what}${others}, at ${where}`,
        'If that is what it is for, run it with --allow-modify.',
      );
      throw blame(refusal, o);
    }
  }
}
