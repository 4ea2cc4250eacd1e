import { type BpfLink, BpfObject, type BpfProgram, closeLinks } from '@skep/bpf';
import type { HookGroup } from '@skep/probe';
import { RuntimeError } from '../errors.ts';
import { setBuffers } from './buffers.ts';
import { hookNotes } from './hook-notes.ts';
import { leaveOutIdleMaps } from './idle-maps.ts';
import type { Opened } from './open.ts';
import { blame, byProbe } from './probes.ts';
import { sentence } from './sentence.ts';
import { pointPrograms, targetsOf } from './targets.ts';
import { loadedTogether } from './together.ts';

/**
 * Attaches every program of every object, or none: when one that is needed fails, the others are detached again. A
 * rung of a group that fails is taken off as a whole, and the next is loaded and attached in its place.
 *
 * @throws BpfError of the program that failed; RuntimeError SKEP_NO_RUNG when a group that is needed has no rung left,
 *   SKEP_NOTHING_TO_RUN when nothing was attached
 */
export async function attachAll(opened: readonly Opened[], notes: string[]): Promise<BpfLink[]> {
  const links: BpfLink[] = [];
  const attached = new Set<Opened>();
  try {
    for (const o of opened) {
      const before = links.length;
      try {
        for (const program of o.ladder.always()) links.push(...(await attachOne(o, program)));
        for (const group of o.ladder.groups) links.push(...(await attachGroup(o, group, notes)));
      } catch (error) {
        throw blame(error, o);
      }
      if (links.length > before) attached.add(o);
    }
    notes.push(...hookNotes(opened.flatMap((o) => o.ladder.choices())));
    for (const group of byProbe(opened))
      if (!group.some((o) => attached.has(o))) throw blame(nothingAttached(group), group[0]!);
  } catch (error) {
    await closeLinks(links);
    throw error;
  }
  return links;
}

/** Attaches a program wherever it goes, or nowhere. */
async function attachOne(o: Opened, program: BpfProgram): Promise<BpfLink[]> {
  const links: BpfLink[] = [];
  try {
    for (const options of targetsOf(o, program)) links.push(await program.attachAsync(options));
  } catch (error) {
    await closeLinks(links);
    throw error;
  }
  return links;
}

/** The links of the first rung that attaches as a whole; none for an optional group that has no such. */
async function attachGroup(o: Opened, group: HookGroup, notes: string[]): Promise<BpfLink[]> {
  for (let rung = o.ladder.taken(group); rung; rung = o.ladder.taken(group)) {
    const links: BpfLink[] = [];
    try {
      if (o.ladder.programsOf(group).some((p) => !p.autoload)) await loadRung(o, group);
      for (const program of o.ladder.programsOf(group)) links.push(...(await attachOne(o, program)));
      return links;
    } catch (error) {
      await closeLinks(links);
      // What was loaded for this rung alone goes with it.
      if (o.more.at(-1) === o.ladder.objectOf(group)) await o.more.pop()?.closeAsync();
      o.ladder.failed(group, error);
      if (o.ladder.taken(group))
        notes.push(`${group.name}: ${rung.name} was given up for the next: ${sentence(error)}`);
    }
  }
  return [];
}

/** Loads the programs of a group's rung by themselves, around the maps that the object has already. */
async function loadRung(o: Opened, group: HookGroup): Promise<void> {
  const object = BpfObject.open(o.bytes, { name: o.file, types: o.types });
  o.more.push(object);
  o.ladder.loadWith(group, object);
  const wanted = new Set(o.ladder.taken(group)!.programs);
  for (const program of object.programs) {
    const on = wanted.has(program.name);
    if (program.autoload !== on) program.autoload = on;
  }
  pointPrograms({ object, targets: o.targets });
  setBuffers({ object, buffers: o.buffers });
  for (const { name } of object.maps) {
    const made = [o.object, ...o.more].find((other) => other !== object && other.map(name).created);
    if (made) object.reuseMap(name, made.map(name));
  }
  leaveOutIdleMaps({ ...o, object });
  await object.load({ together: loadedTogether({ object, targets: o.targets }) });
}

function nothingAttached(opened: readonly Opened[]): RuntimeError {
  const choices = opened.flatMap((o) => o.ladder.choices());
  const programs = opened.flatMap((o) => o.object.programs);
  const marked = programs.some((p) => !p.autoload);
  const tables = programs.length > 0 && programs.every((p) => p.type === 'struct_ops');
  return new RuntimeError(
    'SKEP_NOTHING_TO_RUN',
    [`${opened.map((o) => o.name).join(', ')}: no program was attached`, ...hookNotes(choices)].join('; '),
    tables
      ? 'They stand for functions of the kernel in a table, and skep puts none in force: bpftool struct_ops register FILE does.'
      : choices.length > 0
        ? 'This kernel lacks every hook that the probe offers: skep doctor says what it has.'
        : marked
          ? 'A section that begins with a question mark, SEC("?…"), keeps its program from being loaded.'
          : 'An object needs a program whose section names a hook, such as SEC("tracepoint/sched/sched_process_exec").',
  );
}
