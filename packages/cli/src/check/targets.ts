import type { ProbeImage } from '@skep/probe';

/** Hooks by program, in the spelling of {@link CheckOptions.targets}. */
export type CheckedTargets = Readonly<Record<string, string>>;

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
): Promise<(object: string) => CheckedTargets> {
  const defaults = image.attach ?? [];
  if (flags.length === 0 && defaults.length === 0) return () => ({});
  const { assignTargets, describeObject } = await import('@skep/probe');
  const objects = image.objects.map((o) => describeObject(o.bytes, o.name));
  const targets = assignTargets(
    objects.flatMap((o) => o.programs),
    flags,
    defaults,
  );
  return (object) => {
    const programs = objects.find((o) => o.name === object)?.programs ?? [];
    return Object.fromEntries(
      programs.flatMap((p) => {
        const [first] = targets.get(p.name) ?? [];
        if (!first) return [];
        return [[p.name, HOOKED.has(p.type) && first.target !== undefined ? first.target : p.target]];
      }),
    );
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
