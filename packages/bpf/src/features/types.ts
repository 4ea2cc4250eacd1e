import { BpfError } from '../errors.ts';
import { capabilities } from '../kernel/capabilities.ts';
import { Errno, errnoName } from '../kernel/errno.ts';
import { mapTypeNumber, mapTypes, programTypeNumber, programTypes } from '../kernel/types.ts';
import { isNativeError, native } from '../native.ts';
import { doNothing, probeHook } from './hooks.ts';
import { available, type FeatureResult, missing, unknown } from './result.ts';

/** The Linux version that brought each type, from the kernel's history. */
const programSince: Readonly<Record<string, string>> = {
  socket_filter: '3.19',
  kprobe: '4.1',
  sched_cls: '4.1',
  sched_act: '4.1',
  tracepoint: '4.7',
  xdp: '4.8',
  perf_event: '4.9',
  cgroup_skb: '4.10',
  cgroup_sock: '4.10',
  lwt_in: '4.10',
  lwt_out: '4.10',
  lwt_xmit: '4.10',
  sock_ops: '4.13',
  sk_skb: '4.14',
  cgroup_device: '4.15',
  sk_msg: '4.17',
  raw_tracepoint: '4.17',
  cgroup_sock_addr: '4.17',
  lwt_seg6local: '4.18',
  lirc_mode2: '4.18',
  sk_reuseport: '4.19',
  flow_dissector: '4.20',
  cgroup_sysctl: '5.2',
  raw_tracepoint_writable: '5.2',
  cgroup_sockopt: '5.3',
  tracing: '5.5',
  struct_ops: '5.6',
  ext: '5.6',
  lsm: '5.7',
  sk_lookup: '5.9',
  syscall: '5.14',
  netfilter: '6.4',
};

const mapSince: Readonly<Record<string, string>> = {
  hash: '3.19',
  array: '3.19',
  prog_array: '4.2',
  perf_event_array: '4.3',
  percpu_hash: '4.6',
  percpu_array: '4.6',
  stack_trace: '4.6',
  cgroup_array: '4.8',
  lru_hash: '4.10',
  lru_percpu_hash: '4.10',
  lpm_trie: '4.11',
  array_of_maps: '4.12',
  hash_of_maps: '4.12',
  devmap: '4.14',
  sockmap: '4.14',
  cpumap: '4.15',
  xskmap: '4.18',
  sockhash: '4.18',
  cgroup_storage: '4.19',
  reuseport_sockarray: '4.19',
  percpu_cgroup_storage: '4.20',
  queue: '4.20',
  stack: '4.20',
  sk_storage: '5.2',
  devmap_hash: '5.4',
  struct_ops: '5.6',
  ringbuf: '5.8',
  inode_storage: '5.10',
  task_storage: '5.11',
  bloom_filter: '5.16',
  user_ringbuf: '6.1',
  cgrp_storage: '6.2',
  arena: '6.9',
};

const BPF_NETFILTER = 45;
const BPF_F_MMAPABLE = 1 << 10;

/** Types libbpf 1.1 has no probe for. */
const newerThanLibbpf: Readonly<Record<string, () => number>> = {
  netfilter: () => native().programLoad(programTypeNumber('netfilter'), BPF_NETFILTER, doNothing, 'GPL', 0),
  arena: () => native().mapCreate(mapTypeNumber('arena'), 'skep_probe', 0, 0, 1, BPF_F_MMAPABLE),
};

const tables = { program: programTypes as readonly string[], map: mapTypes as readonly string[] };

function probe(what: 'program' | 'map', name: string, since: string | undefined): FeatureResult {
  const number = tables[what].indexOf(name);
  if (number < 1) {
    throw new BpfError('SKEP_ARGUMENT', `"${name}" is not a ${what} type`, {
      hint: `There are: ${tables[what].slice(1).join(', ')}.`,
      object: name,
    });
  }
  const have = capabilities();
  if (!have.has('CAP_SYS_ADMIN') && !have.has('CAP_BPF')) {
    return unknown('this process lacks CAP_BPF', 'Run it with sudo.');
  }
  try {
    if (exists(what, name, number)) return available;
  } catch (cause) {
    if (!isNativeError(cause)) throw cause;
    return unknown(`the probe failed with ${errnoName(cause.errno)}`, 'Run it as root.');
  }
  return missing(
    `this kernel has no ${what} type ${name}`,
    since ? `Linux ${since} and later have it, if configured.` : 'Another kernel may have it.',
    since,
  );
}

function exists(what: 'program' | 'map', name: string, number: number): boolean {
  // libbpf asks for a function hook, which a kernel without trampolines refuses though it traces tracepoints.
  if (name === 'tracing' && probeHook('tp_btf').available) return true;
  const newer = newerThanLibbpf[name];
  if (newer) return opens(newer);
  return what === 'program' ? native().probeProgram(number) : native().probeMap(number);
}

function opens(open: () => number): boolean {
  try {
    native().fdClose(open());
    return true;
  } catch (e) {
    if (isNativeError(e) && e.errno !== Errno.EPERM) return false;
    throw e;
  }
}

/**
 * Whether this kernel loads programs of a type, found out by loading one that does nothing. Whether they can
 * be attached is another question: {@link probeHook}.
 * @param type the kernel's name: `'kprobe'`, `'tracing'`, `'sched_cls'`, …
 * @throws {BpfError} `SKEP_ARGUMENT` for an unknown type
 */
export function probeProgramType(type: string): FeatureResult {
  return probe('program', type, programSince[type]);
}

/**
 * Whether this kernel makes maps of a type, found out by making one.
 * @throws {BpfError} `SKEP_ARGUMENT` for an unknown type
 */
export function probeMapType(type: string): FeatureResult {
  return probe('map', type, mapSince[type]);
}
