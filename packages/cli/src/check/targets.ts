import type { ProbeImage, Targets } from '@skep/probe';

/** Hooks by program, in the spelling of {@link CheckOptions.targets}. */
export type CheckedTargets = Readonly<Record<string, string>>;

/** Where the programs of one object go. */
export interface ObjectTargets {
  /** The first target of each. */
  readonly first: CheckedTargets;
  /** Further ones, each time with the first of all others. */
  readonly more: readonly CheckedTargets[];
  /** All of each, as they would be attached. */
  readonly all: Targets;
}

/**
 * What `--attach` and the image say of where programs go, by object. An interface, a cgroup or a process is no hook that
 * a kernel has or lacks: such a program keeps what its section names, but counts as asked for.
 *
 * @returns the targets of the object of a name
 * @throws {ProbeError} `SKEP_TARGET` for what no program or no target is
 */
export async function checkedTargets(
  image: ProbeImage,
  flags: readonly string[],
): Promise<(object: string) => ObjectTargets> {
  const defaults = image.attach ?? [];
  if (flags.length === 0 && defaults.length === 0) return () => ({ first: {}, more: [], all: new Map() });
  const { assignTargets, describeObject } = await import('@skep/probe');
  const objects = image.objects.map((o) => describeObject(o.bytes, o.name));
  const all = assignTargets(
    objects.flatMap((o) => o.programs),
    flags,
    defaults,
  );
  return (object) => {
    const programs = objects.find((o) => o.name === object)?.programs ?? [];
    const hooks = new Map(
      programs.map((p) => [
        p.name,
        (all.get(p.name) ?? []).map(({ target = p.target }) => (HOOKED.has(p.type) ? target : p.target)),
      ]),
    );
    const targeted = [...hooks].filter(([, [first]]) => first !== undefined);
    const first = Object.fromEntries(targeted.map(([name, [target]]) => [name, target!]));
    const more = targeted.flatMap(([name, [, ...others]]) => others.map((t) => ({ ...first, [name]: t })));
    return { first, more, all };
  };
}

/** Kinds whose target is a function or event, of the kernel or of a file. */
const HOOKED: ReadonlySet<string> = new Set([
  ...[
    'fentry',
    'fexit',
    'fmod_ret',
    'fsession',
    'lsm',
    'tp_btf',
    'raw_tp',
    'tracepoint',
    'kprobe',
    'kretprobe',
  ],
  ...['kprobe.multi', 'kretprobe.multi', 'kprobe.session', 'ksyscall', 'kretsyscall'],
  ...['uprobe', 'uretprobe', 'uprobe.multi', 'uretprobe.multi', 'uprobe.session', 'usdt'],
]);
