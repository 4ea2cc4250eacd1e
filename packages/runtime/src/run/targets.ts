import type { AttachOptions, BpfProgram } from '@skep/bpf';
import { assignTargets, lacksTarget, missingTargetError, ProbeError } from '@skep/probe';
import { listed } from '../errors.ts';
import { type Opened, optionalPrograms } from './open.ts';

/**
 * Reads where the programs go and points them there, as far as that is done before load. An optional program without
 * a target is left out.
 *
 * @param flags `PROG=TARGET`; what they say of a program replaces what `defaults` (of the image) say of it
 * @throws ProbeError SKEP_TARGET for a text that is no target, a program that does not exist, and one that needs a
 *   target and gets none
 */
export function planTargets(
  opened: readonly Opened[],
  flags: readonly string[],
  defaults: readonly string[],
  notes: string[],
): void {
  const programs = opened.flatMap((o) => o.object.programs);
  const targets = assignTargets(programs, flags, defaults);
  for (const o of opened) {
    o.targets = targets;
    pointPrograms(o);
    const optional = new Set(optionalPrograms(o));
    for (const program of o.object.programs) {
      if (!program.autoload || targets.has(program.name) || !lacksTarget(program)) continue;
      if (!optional.has(program.name)) throw missingTargetError(program);
      const { message, hint } = missingTargetError(program);
      notes.push(`${program.name} was left out: ${message}. ${hint}`);
      program.autoload = false;
    }
  }
}

/** What of the targets is done before load: also for an object that was opened again. */
export function pointPrograms({ object, targets }: Opened): void {
  for (const program of object.programs) {
    const [first] = targets?.get(program.name) ?? [];
    if (!first) continue;
    // SEC("?…") is loaded when asked for, and this asks.
    program.autoload = true;
    if (first.target !== undefined && atLoad.has(program.type)) program.setKernelFunction(first.target);
  }
}

/** Kinds whose target is part of the loaded program. */
const atLoad: ReadonlySet<string> = new Set(['fentry', 'fexit', 'fmod_ret', 'lsm', 'tp_btf']);

/** Every place a program is to be attached to: one, by its section, where nothing else was said. */
export function targetsOf({ object, targets, name }: Opened, program: BpfProgram): readonly AttachOptions[] {
  const own = targets?.get(program.name) ?? [{}];
  if (program.type !== 'iter') return own;
  return own.map(({ target, ...rest }) => {
    if (target === undefined || !/_map(_elem)?$|\/sockmap$/.test(program.section)) return { target, ...rest };
    const map = object.maps.find((m) => m.name === target);
    if (map) return { ...rest, map: map.fd };
    throw new ProbeError(
      'SKEP_TARGET',
      `--attach ${program.name}=${target}: ${name} has no map "${target}"`,
      {
        hint: `Maps: ${listed(object.maps.filter((m) => !m.internal).map((m) => m.name))}.`,
      },
    );
  });
}
