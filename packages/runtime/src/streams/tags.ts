import type { Btf, Column } from '@skep/bpf';

/** What `skep:` declaration tags say about a map or a member. */
export interface Tags {
  readonly help?: string;
  readonly unit?: string;
  readonly label: boolean;
  readonly value: boolean;
  readonly private: boolean;
  readonly shared: boolean;
  readonly optional: boolean;
  readonly list: boolean;
  /** What the slots of a histogram are: `latency` (skep_latency.h). Powers of two where it is not said. */
  readonly slots?: string;
  /** The map that a stack's id is of. */
  readonly stacks?: string;
  /** The process whose stack is beside it. */
  readonly pid: boolean;
  /** The program whose skipped runs this one makes up for, and the global that counts them: `first,made_up`. */
  readonly standsIn?: string;
}

/** Reads the tags of a map, member, parameter or program. Unknown ones are left to later versions. */
export function readTags(tags: readonly string[]): Tags {
  const own = tags.filter((t) => t.startsWith('skep:')).map((t) => t.slice('skep:'.length));
  const text = (key: string): string | undefined =>
    own.find((t) => t.startsWith(`${key}=`))?.slice(key.length + 1);
  return {
    help: text('help'),
    unit: text('unit'),
    label: own.includes('label'),
    value: own.includes('value'),
    private: own.includes('private'),
    shared: own.includes('shared'),
    optional: own.includes('optional'),
    list: own.includes('list'),
    slots: text('slots'),
    stacks: text('stacks'),
    pid: own.includes('pid'),
    standsIn: text('stands_in'),
  };
}

/** The tags of a global (a map's definition, a parameter) or of a program's function. */
export function tagsOf(btf: Btf, name: string, kind: 'var' | 'func'): Tags {
  const type = btf.find(name, kind);
  return readTags(type ? btf.declTags(type.id) : []);
}

const TYPE_UNITS: Readonly<Record<string, string>> = {
  duration: 'ns',
  duration_ns: 'ns',
  duration_us: 'us',
  duration_ms: 'ms',
  bytes_t: 'bytes',
};

/** The unit of a member: said by its tag, else by its typedef. */
export function unitOf(column: Column): string | undefined {
  return readTags(column.tags).unit ?? TYPE_UNITS[column.typeName];
}

/** `op_time_us` says its unit itself. */
export function unitInName(name: string): string | undefined {
  return /_(ns|us|ms)(?:_total)?$/.exec(name)?.[1];
}
