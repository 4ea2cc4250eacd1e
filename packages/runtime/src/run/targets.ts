import type { AttachOptions, BpfMap, BpfProgram } from '@skep/bpf';
import {
  assignTargets,
  calledByMap,
  lacksTarget,
  missingTargetError,
  ProbeError,
  TARGET_FORMS,
} from '@skep/probe';
import { listed } from '../errors.ts';
import { leaveOutIdleMaps } from './idle-maps.ts';
import type { Opened } from './open.ts';
import { blaming, byProbe } from './probes.ts';

/**
 * Reads where the programs go. What of it is done before load is {@link pointPrograms}'.
 *
 * @param flags `PROG=TARGET`; what they say of a program replaces what `defaults` (of the image) say of it
 * @throws ProbeError SKEP_TARGET for a text that is no target, a program that does not exist, and one that needs a
 *   target and gets none, unless it is one of several alternatives
 */
export function planTargets(
  opened: readonly Opened[],
  flags: readonly string[],
  defaults: readonly string[],
  notes: string[],
): void {
  const nameIn = (flag: string): string => flag.split('=', 1)[0]!.trim();
  const known = namesOf(opened);
  for (const [i, group] of byProbe(opened).entries()) {
    // Of several probes each takes what names a program of its own; what names none is told by the first.
    const own = namesOf(group);
    const wanted = flags.filter((f) => own.has(nameIn(f)) || (i === 0 && !known.has(nameIn(f))));
    const [first] = group as [Opened];
    blaming(first, () => planProbe(group, wanted, [...first.attachDefaults, ...defaults], notes));
  }
}

function namesOf(opened: readonly Opened[]): Set<string> {
  return new Set(opened.flatMap((o) => o.object.programs.map((p) => p.name)));
}

function planProbe(
  opened: readonly Opened[],
  flags: readonly string[],
  defaults: readonly string[],
  notes: string[],
): void {
  const programs = opened.flatMap((o) => o.object.programs);
  const targets = assignTargets(programs, flags, defaults);
  for (const o of opened) {
    o.targets = targets;
    wantTargeted(o);
    for (const program of o.object.programs) mapTarget(o, program, targets.get(program.name)?.[0]?.target);
    for (const program of o.ladder.always()) {
      if (targets.has(program.name)) continue;
      if (!Object.hasOwn(TARGET_FORMS, program.type))
        notes.push(
          `${program.name} is loaded and not attached: nothing takes a program of section ${program.section} by itself`,
        );
      if (lacksTarget(program) && !stays(o, program)) throw missingTargetError(program);
    }
  }
}

/** SEC("?…") is loaded when asked for, and a target asks. */
export function wantTargeted({ object, targets }: Opened): void {
  for (const program of object.programs)
    if (targets?.has(program.name) && !program.autoload) program.autoload = true;
}

/** What of the targets is done before load: for each object that is opened, once its hooks are chosen. */
export function pointPrograms({ object, targets }: Pick<Opened, 'object' | 'targets'>): void {
  for (const program of object.programs) {
    const [first] = targets?.get(program.name) ?? [];
    if (!first || !program.autoload) continue;
    if (first.target !== undefined && TARGET_FORMS[program.type]?.atLoad)
      program.setKernelFunction(first.target);
  }
}

/** Chooses the hooks of an object and points its programs there. @throws RuntimeError SKEP_NO_RUNG; BpfError of a target */
export function chooseHooks(o: Opened): void {
  o.ladder.choose((program) => {
    const target = o.targets?.get(program.name)?.[0]?.target;
    // What an iterator is pointed at is not its hook.
    if (target !== undefined && program.type !== 'iter') return target;
    return lacksTarget(program) ? missingTargetError(program) : program.target;
  });
  pointPrograms(o);
  leaveOutIdleMaps(o);
}

/**
 * Whether it is loaded and waits to be called: others jump to it (a prog_array's `.values` in the source name it), or
 * its kind has no hook.
 */
function stays({ object }: Pick<Opened, 'object'>, program: BpfProgram): boolean {
  if (!Object.hasOwn(TARGET_FORMS, program.type)) return true;
  return calledByMap(object.elf, program.name);
}

/** Every place a program is to be attached to: one, by its section, where nothing else was said. */
export function targetsOf({ object, targets, name }: Opened, program: BpfProgram): readonly AttachOptions[] {
  const own = targets?.get(program.name) ?? (stays({ object }, program) ? [] : [{}]);
  return own.map(({ target, ...rest }) => {
    const map = mapTarget({ object, name }, program, target);
    return map ? { ...rest, map: map.fd } : { target, ...rest };
  });
}

/** The map that an iterator over a map is pointed at. @throws ProbeError SKEP_TARGET when there is no such map */
function mapTarget(
  { object, name }: Pick<Opened, 'object' | 'name'>,
  program: BpfProgram,
  target: string | undefined,
): BpfMap | undefined {
  const wants = program.type === 'iter' && /_map(_elem)?$|\/sockmap$/.test(program.section);
  if (!wants || target === undefined) return undefined;
  const map = object.maps.find((m) => m.name === target);
  if (map) return map;
  throw new ProbeError('SKEP_TARGET', `--attach ${program.name}=${target}: ${name} has no map "${target}"`, {
    hint: `Maps: ${listed(object.maps.filter((m) => !m.internal).map((m) => m.name))}.`,
  });
}
