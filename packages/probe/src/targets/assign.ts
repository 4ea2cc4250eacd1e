import type { AttachOptions } from '@skep/bpf';
import { ProbeError } from '../errors.ts';
import { TARGET_FORMS } from './forms.ts';
import { parseTarget, type Targeted } from './parse.ts';

/** Where each program goes that is told so, by its name. A program may have several targets. */
export type Targets = ReadonlyMap<string, readonly AttachOptions[]>;

/**
 * Reads `PROG=TARGET` texts. What `flags` say of a program replaces all that `defaults` (of the image) say of it.
 *
 * @param programs all programs of the run
 * @throws {ProbeError} `SKEP_TARGET` for a text of another shape, a program that does not exist (the message lists those
 * that do), or two targets where there can be one
 */
export function assignTargets(
  programs: readonly Targeted[],
  flags: readonly string[],
  defaults: readonly string[] = [],
): Targets {
  const said = flags.map(pair);
  const own = new Set(said.map(([name]) => name));
  const all = [...defaults.map(pair).filter(([name]) => !own.has(name)), ...said];
  const out = new Map<string, AttachOptions[]>();
  for (const [name, text] of all) {
    const program = programs.find((p) => p.name === name);
    if (!program) throw unknown(name, programs);
    const targets = out.get(name) ?? [];
    targets.push(parseTarget(program, text));
    out.set(name, targets);
    if (targets.length > 1 && TARGET_FORMS[program.type]!.atLoad) {
      throw new ProbeError(
        'SKEP_TARGET',
        `Program "${name}" (${program.type}) can have one target, not two`,
        {
          hint: 'The kernel checks such a program against its function when it is loaded. kprobe.multi takes many.',
        },
      );
    }
  }
  return out;
}

/** `PROG=TARGET` in its halves. @throws {ProbeError} `SKEP_TARGET` */
export function pair(text: string): [program: string, target: string] {
  const m = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(text.trim());
  if (m && m[2]!.trim() !== '') return [m[1]!, m[2]!.trim()];
  throw new ProbeError('SKEP_TARGET', `--attach "${text}" is not PROG=TARGET`, {
    hint: 'For example --attach count_packets=eth0; skep describe shows the programs.',
  });
}

function unknown(name: string, programs: readonly Targeted[]): ProbeError {
  return new ProbeError('SKEP_TARGET', `--attach: there is no program "${name}"`, {
    hint: `Programs: ${programs.map((p) => `${p.name} (${p.type})`).join(', ')}.`,
  });
}
