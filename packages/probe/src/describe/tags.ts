import { ProbeError } from '../errors.ts';

/** What the `btf_decl_tag`s of skep.h say about a map, a parameter, a program or a struct's member. */
export interface Tags {
  help?: string;
  unit?: string;
  /** What is missing from the output where a group of hooks has no rung. */
  without?: string;
  /** The arguments that a program reads, as C declares them: `struct sock *sk, int level`. */
  args?: string;
  /** The oldest kernel that a program is for: `7.0`. */
  since?: string;
  /** The rungs that a program belongs to. */
  rungs: readonly RungTag[];
  /** A parameter's limits: `1..1000`. */
  range?: string;
  /** The flag that fills it: `pid`. */
  owner?: string;
  /** What stands for an empty list. */
  none?: string;
  /** Flags: `label`, `value`, `private`, `shared`, `optional`, `list`. */
  flags: ReadonlySet<string>;
}

/** `skep:rung=group,order,name`. */
export interface RungTag {
  readonly group: string;
  /** Ascending from the best. */
  readonly order: number;
  readonly rung: string;
}

/** Reads declaration tags; those that are not skep's are left out. */
export function readTags(tags: readonly string[]): Tags {
  const out: Tags & { flags: Set<string>; rungs: RungTag[] } = { flags: new Set(), rungs: [] };
  for (const tag of tags) {
    if (!tag.startsWith('skep:')) continue;
    const [name, ...rest] = tag.slice('skep:'.length).split('=');
    const value = rest.join('=');
    if (name === 'help') out.help = value;
    else if (name === 'unit') out.unit = value;
    else if (name === 'without') out.without = value;
    else if (name === 'args') out.args = value;
    else if (name === 'since') out.since = version(value);
    else if (name === 'rung') out.rungs.push(rungTag(value));
    else if (name === 'range') out.range = value;
    else if (name === 'owner') out.owner = value;
    else if (name === 'none') out.none = value;
    else if (name) out.flags.add(name);
  }
  return out;
}

function version(value: string): string {
  if (/^\d+(\.\d+){0,2}$/.test(value)) return value;
  throw new ProbeError('SKEP_OBJECT_INVALID', `"${value}" is no version of Linux.`, {
    hint: 'SKEP_SINCE(5.15): two numbers and a dot, without quotes.',
  });
}

function rungTag(value: string): RungTag {
  const m = /^([\w.-]+),\s*(\d+),\s*([\w.-]+)$/.exec(value.trim());
  if (m) return { group: m[1]!, order: Number(m[2]), rung: m[3]! };
  throw new ProbeError('SKEP_OBJECT_INVALID', `"${value}" is no rung of a group of hooks.`, {
    hint: 'SKEP_RUNG(group, order, name): two names without blanks, and a whole number between them.',
  });
}
