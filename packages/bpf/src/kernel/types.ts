/**
 * Names of the kernel's program and map types, in the order of `enum bpf_prog_type` and `enum bpf_map_type`
 * (include/uapi/linux/bpf.h, 6.18); the index is the number.
 */
export const programTypes = [
  'unspec',
  'socket_filter',
  'kprobe',
  'sched_cls',
  'sched_act',
  'tracepoint',
  'xdp',
  'perf_event',
  'cgroup_skb',
  'cgroup_sock',
  'lwt_in',
  'lwt_out',
  'lwt_xmit',
  'sock_ops',
  'sk_skb',
  'cgroup_device',
  'sk_msg',
  'raw_tracepoint',
  'cgroup_sock_addr',
  'lwt_seg6local',
  'lirc_mode2',
  'sk_reuseport',
  'flow_dissector',
  'cgroup_sysctl',
  'raw_tracepoint_writable',
  'cgroup_sockopt',
  'tracing',
  'struct_ops',
  'ext',
  'lsm',
  'sk_lookup',
  'syscall',
  'netfilter',
] as const;

export const mapTypes = [
  'unspec',
  'hash',
  'array',
  'prog_array',
  'perf_event_array',
  'percpu_hash',
  'percpu_array',
  'stack_trace',
  'cgroup_array',
  'lru_hash',
  'lru_percpu_hash',
  'lpm_trie',
  'array_of_maps',
  'hash_of_maps',
  'devmap',
  'sockmap',
  'cpumap',
  'xskmap',
  'sockhash',
  'cgroup_storage',
  'reuseport_sockarray',
  'percpu_cgroup_storage',
  'queue',
  'stack',
  'sk_storage',
  'devmap_hash',
  'struct_ops',
  'ringbuf',
  'inode_storage',
  'task_storage',
  'bloom_filter',
  'user_ringbuf',
  'cgrp_storage',
  'arena',
] as const;

/** A program type by the kernel's name, such as `'kprobe'` or `'tracing'`. */
export type ProgramType = (typeof programTypes)[number];
/** A map type by the kernel's name, such as `'hash'` or `'ringbuf'`. */
export type MapType = (typeof mapTypes)[number];

/** The kernel's number for a map type. */
export function mapTypeNumber(type: MapType): number {
  return mapTypes.indexOf(type);
}

/** The kernel's number for a program type. */
export function programTypeNumber(type: ProgramType): number {
  return programTypes.indexOf(type);
}

/** A map type newer than this table is `unspec`. */
export function mapTypeName(n: number): MapType {
  return mapTypes[n] ?? 'unspec';
}

export function programTypeName(n: number): ProgramType {
  return programTypes[n] ?? 'unspec';
}
