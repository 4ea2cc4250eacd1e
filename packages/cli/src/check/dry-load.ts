import type { BpfError, Verdict } from '@skep/bpf';
import type { CheckedObject } from '@skep/probe';
import type { CheckedTargets } from './targets.ts';

/** What loading told: of programs by name; `note` when nothing could be loaded. */
export interface DryLoad {
  readonly verdicts: ReadonlyMap<string, Verdict>;
  readonly note?: string;
}

/** Programs from which on it is quicker to load half of them on a processor each. */
const WORTH_TWO = 8;

/** What `run` would set before the load. */
interface AsRun {
  readonly params: Readonly<Record<string, string>>;
  readonly targets: CheckedTargets;
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
  { params, targets, types }: AsRun,
  loads: () => void,
): Promise<DryLoad> {
  const { BpfObject } = await import('@skep/bpf');
  const { describeObject, parseParam, TARGET_FORMS } = await import('@skep/probe');
  const verdicts = new Map<string, Verdict>();
  const known = describeObject(bytes, checked.name).params;
  const wanted = new Set(
    checked.programs.filter((p) => p.autoload && p.verdict.state !== 'refused').map((p) => p.name),
  );
  const load = async (programs: ReadonlySet<string>): Promise<void> => {
    using object = BpfObject.open(bytes, { name: checked.name, types });
    for (const [name, text] of Object.entries(params)) {
      const param = known.find((p) => p.name === name);
      if (param) object.setGlobal(name, parseParam(param, object.btf, text));
    }
    for (const program of object.programs) program.autoload = programs.has(program.name);
    for (const { name, type, target } of object.programs)
      if (TARGET_FORMS[type]?.atLoad && programs.has(name) && (targets[name] ?? target) !== target)
        object.program(name).setKernelFunction(targets[name]!);
    const loaded = object.load();
    loads();
    await loaded;
  };
  const { oneOfAlike } = await import('./alike.ts');
  const few = oneOfAlike(
    bytes,
    checked.name,
    checked.programs.filter((p) => wanted.has(p.name)),
  );
  if (few.length >= WORTH_TWO || few.length < wanted.size) {
    const parts = few.length >= WORTH_TWO ? [0, 1] : [0];
    const shares = parts.map((part) => new Set(few.filter((_, i) => i % parts.length === part)));
    // What is refused, and for whose sake, only the whole tells.
    if ((await Promise.allSettled(shares.map(load))).every((r) => r.status === 'fulfilled'))
      return { verdicts };
  }
  while (wanted.size > 0) {
    try {
      await load(wanted);
      return { verdicts };
    } catch (cause) {
      const { code, message, hint, object: about } = cause as BpfError;
      if (typeof code !== 'string' || !code.startsWith('SKEP_')) throw cause;
      if (code === 'SKEP_PERMISSION') return { verdicts, note: `${checked.name} was not loaded: ${message}` };
      const verdict: Verdict = { state: 'refused', reason: message.replace(/\.$/, ''), hint };
      const guilty = about !== undefined && wanted.has(about) ? [about] : [...wanted];
      for (const name of guilty) {
        verdicts.set(name, verdict);
        wanted.delete(name);
      }
    }
  }
  return { verdicts };
}
