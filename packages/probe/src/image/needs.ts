import { coreRelocations, helperName, hookKinds, kernelFeatures, parseObject } from '@skep/bpf';
import { describeObject } from '../describe/describe.ts';
import type { ProgramDescription } from '../describe/types.ts';
import { helpersCalled } from '../effects/effects.ts';
import { mapsUsed } from '../hooks/uses.ts';

/** Something that some version of Linux brought. */
export interface NeededFeature {
  /** As `skep doctor --all` calls it: `Hooks`, `Map types`, `Helpers`, … */
  group: string;
  name: string;
  /** The Linux version that brought it, on the image's processor. */
  since: string;
}

/** What a kernel must have for those of an image's programs that are always needed. */
export interface KernelNeeds {
  /** The types of the kernel (BTF), its own or those that the image has for it. */
  btf?: true;
  features: NeededFeature[];
}

/** Kinds of programs that are attached by the types of the kernel, whether their code looks into them or not. */
const TYPED = /^(tp_btf|fentry|fexit|fmod_ret|lsm|iter|struct_ops)$/;
/** `bpf_core_enum_value_exists(enum bpf_func_id…, …)`: is this helper there? */
const ASKS = /^bpf_func_id(___|$)/;

type Need = `${string}: ${string}`;

/**
 * What the objects ask of a kernel: kinds of hooks, types of maps and helpers. Of alternatives of hooks only what all
 * rungs ask for counts, and nothing of what is optional. Where a stream of events has a perf buffer to fall back on
 * (SKEP_EVENTS), ring buffers are no need; where the code asks whether a helper is there before it calls one, helpers are
 * none.
 *
 * It tells people what to expect; whether a kernel runs the image, `skep check` says.
 */
export function kernelNeeds(
  objects: readonly { name: string; bytes: Uint8Array }[],
  architecture: string,
): KernelNeeds {
  const found = objects.map(({ name, bytes }) => objectNeeds(name, bytes));
  const needed = new Set<string>(found.flatMap((o) => [...o.needs]));
  const processor = architecture === 'arm64' ? 'arm64' : 'x64';
  const features = kernelFeatures()
    .filter(({ group, name }) => needed.has(`${group}: ${name}`))
    .map(({ group, name, sinceOn }) => ({ group, name, since: sinceOn(processor) }))
    .filter(({ since }) => since !== '');
  return { ...(found.some((o) => o.btf) && { btf: true }), features };
}

function objectNeeds(name: string, bytes: Uint8Array): { btf: boolean; needs: ReadonlySet<Need> } {
  const { elf, btf } = parseObject(bytes, name);
  const { programs, hooks, maps } = describeObject(bytes, name);
  const relocations = coreRelocations(elf, btf);
  const asks = relocations.some((r) => r.kind === 'enumval_exists' && ASKS.test(btf.type(r.typeId).name));
  // SKEP_EVENTS declares a constant beside the map, which says which of the two buffers it is.
  const either = maps.filter((m) => elf.symbols.some((s) => s.name === `__${m.name}_perf`));
  const onlyEither = either.length > 0 && maps.every((m) => m.type !== 'ringbuf' || either.includes(m));
  const names = programs.map((p) => p.name);
  const used = mapsUsed(elf, names);
  const needsOf = (p: ProgramDescription): Need[] => {
    const own = maps.filter((m) => used.get(p.name)?.has(m.name) && !either.includes(m));
    const helpers = asks ? [] : [...helpersCalled(elf, p.name)].map(helperName);
    return [
      kindOf(p.type),
      ...own.map((m): Need => `Map types: ${m.type}`),
      ...helpers
        .filter((h) => !(onlyEither && h.startsWith('bpf_ringbuf_')))
        .map((h): Need => `Helpers: ${h}`),
    ];
  };
  const rungs = hooks.map((g) => g.rungs.map((r) => programs.filter((p) => r.programs.includes(p.name))));
  const alone = programs.filter((p) => p.autoload && !p.optional && !rungs.flat(2).includes(p));
  const needs = new Set(alone.flatMap(needsOf));
  for (const [i, group] of hooks.entries()) {
    const [first, ...others] = rungs[i]!.map((r) => new Set(r.flatMap(needsOf)));
    if (group.optional || !first) continue;
    for (const need of first) if (others.every((o) => o.has(need))) needs.add(need);
  }
  return { btf: relocations.length > 0 || alone.some((p) => TYPED.test(p.type)), needs };
}

/** A kind of program, in the words of the features: kretprobe, ksyscall and kprobe come together. */
function kindOf(type: string): Need {
  if (/^k(ret)?(probe|syscall)$/.test(type)) return 'Hooks: kprobe';
  if (/^k(ret)?probe\.multi$/.test(type)) return 'Hooks: kprobe.multi';
  if (/^(u(ret)?probe|usdt)$/.test(type)) return 'Hooks: uprobe';
  if (type === 'tc') return 'Program types: sched_cls';
  return hookKinds.some((k) => k === type) ? `Hooks: ${type}` : `Program types: ${type}`;
}
