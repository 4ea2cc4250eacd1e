import { possibleCpus } from '../kernel/cpus.ts';
import {
  type MapType,
  mapTypeName,
  mapTypeNumber,
  type ProgramType,
  programTypeNumber,
} from '../kernel/types.ts';
import type { BpfMap } from '../maps/map.ts';
import { type NativeMap, type NativeProgram, native, type ObjectHandle } from '../native.ts';

const BPF_F_SLEEPABLE = 1 << 4;
const BPF_F_XDP_HAS_FRAGS = 1 << 5;

/**
 * Sections that libbpf 1.1 does not know, but whose programs it can load: those of newer libraries, and those with a name behind a
 * slash where libbpf since 1.0 wants none (cilium/ebpf takes `classifier/stats`, and so do bpfman and Inspektor Gadget).
 */
const newerSections: readonly {
  section: RegExp;
  type: ProgramType;
  /** Of `enum bpf_attach_type`. */
  attachType?: number;
  /** BPF_F_… of BPF_PROG_LOAD. */
  flags?: number;
}[] = [
  { section: /^(tcx?|classifier|netkit)\//, type: 'sched_cls' },
  { section: /^socket(\d+$|\d*\/)/, type: 'socket_filter' },
  { section: /^perf_event\//, type: 'perf_event' },
  { section: /^xdp\//, type: 'xdp', attachType: 37 },
  { section: /^xdp\.frags\//, type: 'xdp', attachType: 37, flags: BPF_F_XDP_HAS_FRAGS },
  { section: /^sockops\//, type: 'sock_ops', attachType: 3 },
  { section: /^sk_lookup\//, type: 'sk_lookup', attachType: 36 },
  { section: /^flow_dissector\//, type: 'flow_dissector', attachType: 17 },
  { section: /^sk_skb\/verdict(\/|$)/, type: 'sk_skb', attachType: 38 },
  { section: /^sk_msg\//, type: 'sk_msg', attachType: 7 },
  { section: /^sk_lookup\//, type: 'sk_lookup', attachType: 36 },
  { section: /^flow_dissector\//, type: 'flow_dissector', attachType: 17 },
  { section: /^u(ret)?probe\.multi(\/|$)/, type: 'kprobe', attachType: 48 },
  { section: /^u(ret)?probe\.multi\.s(\/|$)/, type: 'kprobe', attachType: 48, flags: BPF_F_SLEEPABLE },
  { section: /^kprobe\.session(\/|$)/, type: 'kprobe', attachType: 56 },
  { section: /^uprobe\.session(\/|$)/, type: 'kprobe', attachType: 57 },
  { section: /^uprobe\.session\.s(\/|$)/, type: 'kprobe', attachType: 57, flags: BPF_F_SLEEPABLE },
  { section: /^fsession(\/|$)/, type: 'tracing', attachType: 58 },
  { section: /^fsession\.s(\/|$)/, type: 'tracing', attachType: 58, flags: BPF_F_SLEEPABLE },
  { section: /^netfilter(\/|$)/, type: 'netfilter', attachType: 45 },
  { section: /^usdt\.s(\/|$)/, type: 'kprobe', flags: BPF_F_SLEEPABLE },
  { section: /^cgroup\/connect_unix$/, type: 'cgroup_sock_addr', attachType: 49 },
  { section: /^cgroup\/sendmsg_unix$/, type: 'cgroup_sock_addr', attachType: 50 },
  { section: /^cgroup\/recvmsg_unix$/, type: 'cgroup_sock_addr', attachType: 51 },
  { section: /^cgroup\/getpeername_unix$/, type: 'cgroup_sock_addr', attachType: 52 },
  { section: /^cgroup\/getsockname_unix$/, type: 'cgroup_sock_addr', attachType: 53 },
];

/** Gives programs of such sections their type. @returns for each whether it has one: without, it does not load */
export function prepareProgramTypes(handle: ObjectHandle, programs: readonly NativeProgram[]): boolean[] {
  return programs.map((p, i) => {
    if (p.type !== 0) return true;
    const name = p.section.replace(/^\?/, '');
    const known = newerSections.find(({ section }) => section.test(name));
    if (!known) return false;
    const set = (what: Parameters<ReturnType<typeof native>['programConfigure']>[2], n: number) =>
      native().programConfigure(handle, i, what, n);
    set('type', programTypeNumber(known.type));
    if (known.attachType !== undefined) set('expectedAttachType', known.attachType);
    if (known.flags !== undefined) set('flags', known.flags);
    return true;
  });
}

/** What a map gets whose definition leaves its size to the loader, as libbpf-tools' do and in their number. */
const ENTRIES_UNLESS_SAID = 10_240;
/** 127 addresses: what the kernel takes of a stack unless kernel.perf_event_max_stack says otherwise. */
const STACK_BYTES = 127 * 8;

const SIZED = new Set(['hash', 'lru_hash', 'percpu_hash', 'lru_percpu_hash', 'stack_trace']);

/**
 * Gives a size to maps that leave it to their loader: a hash of 0 entries, a stack map whose values have no size, the
 * kernel refuses, a perf buffer has no room for all CPUs. Gives back the definitions as they are then; a caller may still change them.
 */
export function completeMaps(handle: ObjectHandle, maps: readonly NativeMap[]): NativeMap[] {
  return maps.map((m, i) => {
    const type = mapTypeName(m.type);
    const sized = SIZED.has(type) && !m.internal;
    const maxEntries =
      sized && m.maxEntries === 0 ? ENTRIES_UNLESS_SAID : Math.max(m.maxEntries, least(type));
    const valueSize = type === 'stack_trace' && m.valueSize === 0 ? STACK_BYTES : m.valueSize;
    if (maxEntries !== m.maxEntries) native().mapConfigure(handle, i, 'maxEntries', maxEntries);
    if (valueSize !== m.valueSize) native().mapConfigure(handle, i, 'valueSize', valueSize);
    return { ...m, maxEntries, valueSize };
  });
}

/** A perf buffer has an entry a CPU: what runs on one beyond could send nothing. */
function least(type: MapType): number {
  return type === 'perf_event_array' ? possibleCpus() : 0;
}

/** Gives maps the `map_extra` that libbpf could not read ({@link shortNumbers}). */
export function setExtra(
  handle: ObjectHandle,
  maps: readonly BpfMap[],
  extra: ReadonlyMap<string, bigint>,
): void {
  maps.forEach((m, i) => {
    const n = extra.get(m.name);
    if (n === undefined) return;
    native().mapConfigure(handle, i, 'extraLow', Number(BigInt.asUintN(32, n)));
    native().mapConfigure(handle, i, 'extraHigh', Number(BigInt.asUintN(32, n >> 32n)));
  });
}

/** Where user space would see an arena, in units of 4 GiB: 1 << 44, as newer versions of libbpf have it (arm64: 1 << 32). */
const ARENA_WINDOW = process.arch === 'arm64' ? 1 : 4096;

/**
 * Makes map definitions fit the kernel. `__type(value, struct event)` on a ring or perf buffer tells readers
 * what its records are; the kernel wants no key or value there, or four bytes each. Programs on an arena load only when it
 * is settled where user space would map it, which libbpf 1.1 does not know of.
 */
export function prepareMaps(handle: ObjectHandle, maps: readonly BpfMap[]): void {
  maps.forEach((m, i) => {
    const want =
      m.type === 'ringbuf' || m.type === 'user_ringbuf' ? 0 : m.type === 'perf_event_array' ? 4 : undefined;
    if (m.type === 'arena' && !m.reused) native().mapConfigure(handle, i, 'window', ARENA_WINDOW);
    if (want === undefined || m.reused) return;
    if (m.keySize !== want) native().mapConfigure(handle, i, 'keySize', want);
    if (m.valueSize !== want) native().mapConfigure(handle, i, 'valueSize', want);
  });
}

/**
 * Leaves out tables of functions (struct_ops) where no program is loaded that stands for one: libbpf 1.1 looks their types up
 * among the kernel's, which it reads only for such programs, and dies.
 */
export function leaveOutTables(
  handle: ObjectHandle,
  maps: readonly BpfMap[],
  programs: readonly { type: string; autoload: boolean }[],
): void {
  if (programs.some((p) => p.type === 'struct_ops' && p.autoload)) return;
  maps.forEach((m, i) => {
    if (m.type !== 'struct_ops') return;
    m.leaveOut();
    // What makes libbpf look it up is its type.
    native().mapConfigure(handle, i, 'type', mapTypeNumber('array'));
  });
}
