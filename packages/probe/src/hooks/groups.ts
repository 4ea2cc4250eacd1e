import { readTags, type Tags } from '../describe/tags.ts';
import { ProbeError } from '../errors.ts';
import { findTwins } from './twins.ts';
import type { HookGroup, HookObject, HookProgram, Rung } from './types.ts';

/**
 * The groups of alternatives that an object offers: those that its tags declare (SKEP_RUNG), programs that are optional
 * by themselves (SKEP_OPTIONAL, a group of one rung), and, unless `twins` is false, twins. Needs no kernel.
 *
 * @throws {ProbeError} `SKEP_OBJECT_INVALID` when tags contradict each other
 */
export function hookGroups(object: HookObject, options: { twins?: boolean } = {}): HookGroup[] {
  const declared = new Map<string, { optional: boolean; without?: string; rungs: Map<string, Declared> }>();
  const plain: HookProgram[] = [];
  const alone: HookGroup[] = [];
  for (const program of object.programs) {
    const tags = tagsOfProgram(object, program.name);
    const { rungs, without } = tags;
    const optional = tags.flags.has('optional');
    const [first] = rungs;
    if (!first) {
      // SEC("?…") says: not by itself.
      if (optional && program.autoload) alone.push(lone(program, without));
      else plain.push(program);
      continue;
    }
    const other = rungs.find((r) => r.group !== first.group);
    if (other) throw invalid(`program "${program.name}" is in two groups, ${first.group} and ${other.group}`);
    const group = declared.get(first.group) ?? { optional: false, rungs: new Map<string, Declared>() };
    declared.set(first.group, group);
    group.optional ||= optional;
    group.without ??= without;
    for (const { group: name, order, rung } of rungs) {
      const known = group.rungs.get(rung) ?? { order, programs: [] };
      if (known.order !== order)
        throw invalid(`rung "${rung}" of group ${name} has two places, ${known.order} and ${order}`);
      known.programs.push(program.name);
      group.rungs.set(rung, known);
    }
  }
  const groups = [...declared].map(
    ([name, g]): HookGroup => ({ name, twins: false, ...g, rungs: sorted(name, g.rungs) }),
  );
  const twins = (options.twins ?? true) ? findTwins(object, plain) : [];
  return named([...groups, ...alone, ...twins]);
}

interface Declared {
  order: number;
  programs: string[];
}

function tagsOfProgram({ btf }: HookObject, name: string): Tags {
  const func = btf.find(name, 'func');
  return readTags(func ? btf.declTags(func.id) : []);
}

function lone(program: HookProgram, without: string | undefined): HookGroup {
  const rungs = [{ name: program.type, programs: [program.name] }];
  return { name: program.name, optional: true, without, rungs, twins: false };
}

function sorted(group: string, rungs: ReadonlyMap<string, Declared>): Rung[] {
  const list = [...rungs].map(([name, r]) => ({ name, ...r })).sort((a, b) => a.order - b.order);
  list.forEach((rung, i) => {
    const before = list[i - 1];
    if (before?.order === rung.order)
      throw invalid(
        `rungs "${before.name}" and "${rung.name}" of group ${group} have the same place, ${rung.order}`,
      );
  });
  return list.map(({ name, programs }) => ({ name, programs }));
}

/** A twin may be called as a declared group, or as another one of its own kind: `sched_switch`, `sched_switch.2`. */
function named(groups: readonly HookGroup[]): HookGroup[] {
  const taken = new Map<string, number>();
  return groups.map((group) => {
    const count = (taken.get(group.name) ?? 0) + 1;
    taken.set(group.name, count);
    return count === 1 ? group : { ...group, name: `${group.name}.${count}` };
  });
}

function invalid(what: string): ProbeError {
  return new ProbeError('SKEP_OBJECT_INVALID', `The object contradicts itself: ${what}.`, {
    hint: 'SKEP_RUNG(group, order, name): a program has one group, a rung one order, and no two rungs of a group the same.',
  });
}
