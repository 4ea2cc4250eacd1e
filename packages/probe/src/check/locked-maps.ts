import { type Btf, type Elf, type KernelFacts, mapDefinitions, mapTypes, type Verdict } from '@skep/bpf';
import type { ProgramDescription } from '../describe/types.ts';
import { mapsUsed } from '../hooks/uses.ts';
import { kernelType } from './kernel-type.ts';

/** is_tracing_prog_type() of kernel/bpf/verifier.c: they may run wherever the kernel is, a lock held. */
const ANYWHERE = new Set(['kprobe', 'tracepoint', 'perf_event', 'raw_tracepoint']);
const KEPT_OFF = [
  'bpf_spin_lock',
  'bpf_res_spin_lock',
  'bpf_timer',
  'bpf_wq',
  'bpf_list_head',
  'bpf_rb_root',
] as const;

/**
 * Maps whose values have a lock or a timer are not for programs that may interrupt whoever holds it, nor was the memory of
 * hashes that grow for those that may interrupt the allocator.
 */
export function lockedMapVerdict(
  elf: Elf,
  btf: Btf,
  program: ProgramDescription,
  { version: [major, minor], btf: kernel }: KernelFacts,
): Verdict | undefined {
  const type = kernelType(program.type, program.section);
  if (type === 'perf_event' && (major < 6 || (major === 6 && minor < 1))) {
    const later = allocatedLater(elf, btf);
    const map = [...(mapsUsed(elf, [program.name]).get(program.name) ?? [])].find((m) => later.has(m));
    if (map !== undefined)
      return {
        state: 'unknown',
        reason: `whether perf_event programs may use "${map}", which is not allocated beforehand, is not known`,
        hint: 'They may since Linux 6.1: leave out BPF_F_NO_PREALLOC.',
      };
  }
  // A kernel that has not heard of timers sees bytes like any other in them.
  const heardOf = (what: string) => !kernel || kernel.find(what, 'struct') !== undefined;
  const locked = new Map([...lockedMaps(elf, btf)].filter(([, what]) => heardOf(what)));
  if (type === undefined || locked.size === 0) return undefined;
  const unheld = unheldIn(elf, btf, program.name, locked);
  if (unheld) return unheld;
  if (!(ANYWHERE.has(type) || type === 'socket_filter')) return undefined;
  const older = major < 6 || (major === 6 && minor < 12);
  for (const map of mapsUsed(elf, [program.name]).get(program.name) ?? []) {
    const what = locked.get(map);
    if (what === undefined || (type === 'socket_filter' && what !== 'bpf_spin_lock')) continue;
    const lock = what === 'bpf_spin_lock' || what === 'bpf_res_spin_lock';
    if (!lock && (major > 7 || (major === 7 && minor >= 2))) continue;
    const reason = `the values of "${map}" have a ${what}, which is not for ${program.type} programs`;
    const hint = 'Use fentry or tp_btf in their place.';
    // 7.2 allows all but locks, so that distributions' 6.12 may have come to do so; and later ones may allow locks.
    const still = lock ? major < 7 : older;
    return { state: major > 0 && still ? 'refused' : 'unknown', reason, hint };
  }
  return undefined;
}

const BPF_F_NO_PREALLOC = 1;
const HASHES = new Set(['hash', 'percpu_hash']);

/** Hashes that take memory as they fill. */
function allocatedLater(elf: Elf, btf: Btf): ReadonlySet<string> {
  const maps = mapDefinitions(btf, elf);
  return new Set(
    maps.filter((m) => m.flags & BPF_F_NO_PREALLOC && HASHES.has(mapTypes[m.type] ?? '')).map((m) => m.name),
  );
}

/** Types that hold no lock, or no timer either: libbpf then makes the map without its types. */
const NO_LOCK = new Set(['lru_hash', 'percpu_hash', 'lru_percpu_hash', 'percpu_array']);
const NO_TIMER = new Set(['percpu_hash', 'lru_percpu_hash', 'percpu_array']);

function unheldIn(
  elf: Elf,
  btf: Btf,
  program: string,
  locked: ReadonlyMap<string, string>,
): Verdict | undefined {
  const used = mapsUsed(elf, [program]).get(program);
  for (const { name, type: number } of mapDefinitions(btf, elf)) {
    const what = used?.has(name) ? locked.get(name) : undefined;
    const type = mapTypes[number] ?? '';
    if (what === undefined || !(what === 'bpf_spin_lock' ? NO_LOCK : NO_TIMER).has(type)) continue;
    return {
      state: 'unknown',
      reason: `the values of "${name}" have a ${what}, which no ${type} holds: whether the program takes it is not known`,
    };
  }
  return undefined;
}

const objects = new WeakMap<Elf, ReadonlyMap<string, string>>();

function lockedMaps(elf: Elf, btf: Btf): ReadonlyMap<string, string> {
  const known = objects.get(elf);
  if (known) return known;
  const found = new Map<string, string>();
  for (const { name, valueTypeId } of mapDefinitions(btf, elf)) {
    const value = valueTypeId === 0 ? undefined : btf.resolve(valueTypeId);
    if (value?.kind !== 'struct') continue;
    for (const member of value.members) {
      const held = btf.resolve(member.type);
      const what = held.kind === 'struct' && KEPT_OFF.find((k) => k === held.name);
      if (what) found.set(name, what);
    }
  }
  objects.set(elf, found);
  return found;
}
