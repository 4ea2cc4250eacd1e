import type { BpfError, BpfObject, BpfProgram, Verdict } from '@skep/bpf';
import type { CheckedObject, ParamSetting, Targets } from '@skep/probe';
import type { CheckedTargets } from './targets.ts';

/** What loading told: of programs by name; `note` when nothing could be loaded. */
export interface DryLoad {
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** Programs that the kernel took, or one that is the same. */
  readonly loaded: ReadonlySet<string>;
  readonly note?: string;
}

/** Programs from which on it is quicker to load half of them on a processor each. */
const WORTH_TWO = 8;

/** What `run` would set before the load. */
interface AsRun {
  readonly params: Readonly<Record<string, ParamSetting>>;
  readonly targets: CheckedTargets;
  /** The same with what else is said of them: a process, a direction, a second interface. */
  readonly attach: Targets;
  /** The BTF file that stands in for the kernel's types. */
  readonly types?: string;
}

/**
 * Loads an object into the running kernel, as `run` would, and lets go of it at once; nothing is attached. A program
 * that the kernel refuses is left out, and the rest tried again.
 *
 * @param loads called as soon as threads have the work
 */
export async function dryLoad(
  bytes: Uint8Array,
  checked: CheckedObject,
  { params, targets, attach, types }: AsRun,
  loads: () => void,
): Promise<DryLoad> {
  const { alikePrograms, BpfObject, parseObject } = await import('@skep/bpf');
  const { applyParam, describeObject, TARGET_FORMS } = await import('@skep/probe');
  const verdicts = new Map<string, Verdict>();
  const known = describeObject(bytes, checked.name).params;
  const wanted = new Set(
    checked.programs.filter((p) => p.autoload && p.verdict.state !== 'refused').map((p) => p.name),
  );
  const load = async (programs: ReadonlySet<string>): Promise<void> => {
    using object = BpfObject.open(bytes, { name: checked.name, types });
    for (const [name, text] of Object.entries(params)) {
      const param = known.find((p) => p.name === name);
      if (param) applyParam(object, param, text);
    }
    for (const program of object.programs) program.autoload = programs.has(program.name);
    for (const { name, type, target } of object.programs)
      if (TARGET_FORMS[type]?.atLoad && programs.has(name) && (targets[name] ?? target) !== target)
        object.program(name).setKernelFunction(targets[name]!);
    const loaded = object.load();
    loads();
    await loaded;
  };
  {
    using object = BpfObject.open(bytes, { name: checked.name, types });
    for (const [name, verdict] of await nowhere(object, wanted, attach)) {
      verdicts.set(name, verdict);
      wanted.delete(name);
    }
  }
  const { elf, btf } = parseObject(bytes, checked.name);
  const tried = checked.programs.filter((p) => wanted.has(p.name));
  const alike = alikePrograms(elf, btf, tried);
  const few = tried.flatMap((p) => (alike.has(p.name) ? [] : [p.name]));
  if (few.length >= WORTH_TWO || few.length < wanted.size) {
    const parts = few.length >= WORTH_TWO ? [0, 1] : [0];
    const shares = parts.map((part) => new Set(few.filter((_, i) => i % parts.length === part)));
    // What is refused, and for whose sake, only the whole tells.
    if ((await Promise.allSettled(shares.map(load))).every((r) => r.status === 'fulfilled'))
      return { verdicts, loaded: wanted };
  }
  while (wanted.size > 0) {
    try {
      await load(wanted);
      return { verdicts, loaded: wanted };
    } catch (cause) {
      const { code, message, hint, object: about } = cause as BpfError;
      if (typeof code !== 'string' || !code.startsWith('SKEP_')) throw cause;
      if (code === 'SKEP_PERMISSION')
        return {
          verdicts,
          loaded: new Set(),
          note: `${checked.name} was not loaded: ${message.replace(/\.$/, '')}. ${hint}`,
        };
      const verdict: Verdict = { state: 'refused', reason: message.replace(/\.$/, ''), hint };
      const guilty = about !== undefined && wanted.has(about) ? [about] : [...wanted];
      for (const name of guilty) {
        verdicts.set(name, verdict);
        wanted.delete(name);
      }
    }
  }
  return { verdicts, loaded: wanted };
}

/** Programs whose interface, cgroup, process or file is not there, as `run` would find before the kernel is asked to attach. */
async function nowhere(
  object: BpfObject,
  wanted: ReadonlySet<string>,
  attach: Targets,
): Promise<Map<string, Verdict>> {
  const { calledByMap, lacksTarget, TARGET_FORMS } = await import('@skep/probe');
  const out = new Map<string, Verdict>();
  for (const program of object.programs) {
    const { name, type } = program;
    const stays = !Object.hasOwn(TARGET_FORMS, type) || calledByMap(object.elf, name);
    if (!wanted.has(name) || (!attach.has(name) && (stays || lacksTarget(program)))) continue;
    for (const options of attach.get(name) ?? [{}]) {
      try {
        if (!hasMap(object, program, options.target)) program.tryTarget(options);
      } catch (cause) {
        const { code, message, hint } = cause as BpfError;
        if (typeof code !== 'string' || !code.startsWith('SKEP_')) throw cause;
        // Whether this process may is not what is asked.
        if (code !== 'SKEP_PERMISSION') out.set(name, { state: 'refused', reason: message, hint });
      }
    }
  }
  return out;
}

/** Whether an iterator is pointed at a map of the object, which is there once that is loaded. */
function hasMap({ maps }: BpfObject, { type }: BpfProgram, target: string | undefined): boolean {
  return type === 'iter' && target !== undefined && maps.some((m) => m.name === target);
}
