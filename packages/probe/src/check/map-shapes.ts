import { type MapDefinition, mapTypes } from '@skep/bpf';

/** BPF_F_* of include/uapi/linux/bpf.h. */
const FLAG = {
  noPrealloc: 1,
  noCommonLru: 1 << 1,
  stackBuildId: 1 << 5,
  zeroSeed: 1 << 6,
  reads: 1 << 3,
  writes: 1 << 4,
  programReads: 1 << 7,
  programWrites: 1 << 8,
  clone: 1 << 9,
  mmapable: 1 << 10,
  preserveElements: 1 << 11,
  inner: 1 << 12,
  link: 1 << 13,
  valueType: 1 << 15,
  faults: 1 << 17,
  noConversion: 1 << 18,
  overwrites: 1 << 19,
} as const;
const named: Readonly<Record<keyof typeof FLAG, string>> = {
  noPrealloc: 'BPF_F_NO_PREALLOC',
  noCommonLru: 'BPF_F_NO_COMMON_LRU',
  stackBuildId: 'BPF_F_STACK_BUILD_ID',
  zeroSeed: 'BPF_F_ZERO_SEED',
  reads: 'BPF_F_RDONLY',
  writes: 'BPF_F_WRONLY',
  programReads: 'BPF_F_RDONLY_PROG',
  programWrites: 'BPF_F_WRONLY_PROG',
  clone: 'BPF_F_CLONE',
  mmapable: 'BPF_F_MMAPABLE',
  preserveElements: 'BPF_F_PRESERVE_ELEMS',
  inner: 'BPF_F_INNER_MAP',
  link: 'BPF_F_LINK',
  valueType: 'BPF_F_VTYPE_BTF_OBJ_FD',
  faults: 'BPF_F_SEGV_ON_FAULT',
  noConversion: 'BPF_F_NO_USER_CONV',
  overwrites: 'BPF_F_RB_OVERWRITE',
};

type Flags = readonly (keyof typeof FLAG)[];
/** For tables of functions and arenas alone. */
const ofOthers: Flags = ['clone', 'link', 'valueType', 'faults', 'noConversion'];
const ofHashes: Flags = [
  ...ofOthers,
  ...(['stackBuildId', 'mmapable', 'preserveElements', 'inner', 'overwrites'] as const),
];
const ofRings: Flags = [
  ...ofOthers,
  ...(['noPrealloc', 'noCommonLru', 'stackBuildId', 'zeroSeed', 'preserveElements'] as const),
];
const ofArrays: Flags = [...ofRings, 'overwrites'];
/** Flags that are for other types: no kernel makes a map with one of them. */
const foreign: Readonly<Record<string, Flags>> = {
  hash: [...ofHashes, 'noCommonLru'],
  percpu_hash: [...ofHashes, 'noCommonLru'],
  lru_hash: [...ofHashes, 'noPrealloc'],
  lru_percpu_hash: [...ofHashes, 'noPrealloc'],
  array: ofArrays,
  percpu_array: [...ofArrays, 'mmapable', 'inner'],
  ringbuf: [...ofRings, 'reads', 'writes', 'programReads', 'programWrites', 'mmapable', 'inner'],
};

const STORAGE = new Set(['sk_storage', 'inode_storage', 'task_storage', 'cgrp_storage']);
const KEYLESS = new Set(['queue', 'stack', 'bloom_filter']);
const HASHES = new Set(['hash', 'lru_hash', 'percpu_hash', 'lru_percpu_hash', 'lpm_trie']);
const NUMBERED = new Set(['array', 'percpu_array']);
const PER_CPU = new Set(['percpu_array', 'percpu_hash', 'lru_percpu_hash']);
/** PCPU_MIN_UNIT_SIZE: what a processor's own memory hands out at once. */
const PER_CPU_VALUE = 32 << 10;
/** A length before the address (struct bpf_lpm_trie_key_hdr), and as long an address as LPM_DATA_SIZE_MAX. */
const PREFIX = [5, 4 + 256] as const;

/** Why no kernel makes a map of these lengths and flags (`map_alloc_check` of each type); undefined when nothing speaks against it. */
export function misshapen(map: MapDefinition): string | undefined {
  const { flags, keySize, valueSize, maxEntries } = map;
  const type = mapTypes[map.type] ?? '';
  const a = /^[aiu]/.test(type) ? `an ${type}` : `a ${type}`;
  const wrong = (Object.hasOwn(foreign, type) ? foreign[type]! : []).find((f) => flags & FLAG[f]);
  if (wrong) return `${named[wrong]} is not for ${a}`;
  if (flags & FLAG.programReads && flags & FLAG.programWrites)
    return `${named.programReads} and ${named.programWrites} exclude each other`;
  if (NUMBERED.has(type) && keySize !== 4) return `${a} has keys of 4 bytes, and not of ${keySize}`;
  if (KEYLESS.has(type) && keySize !== 0) return `${a} has no keys`;
  if (HASHES.has(type) && keySize === 0) return `${a} has keys, and those here are of no byte`;
  if ((HASHES.has(type) || NUMBERED.has(type) || KEYLESS.has(type)) && valueSize === 0)
    return `${a} has values, and those here are of no byte`;
  if (type === 'prog_array' && valueSize !== 4 && !map.inner)
    return `${a} has values of 4 bytes, and not of ${valueSize}`;
  if (type === 'lpm_trie' && (keySize < PREFIX[0] || keySize > PREFIX[1]))
    return `${a} has keys of ${PREFIX[0]} to ${PREFIX[1]} bytes, and not of ${keySize}`;
  if (type === 'stack_trace' && valueSize % (flags & FLAG.stackBuildId ? 32 : 8) !== 0)
    return `${a} has whole frames for values, and ${valueSize} bytes are none`;
  if (PER_CPU.has(type) && valueSize > PER_CPU_VALUE)
    return `a value of a processor has ${PER_CPU_VALUE} bytes at most, and not ${valueSize}`;
  if (STORAGE.has(type)) {
    if (maxEntries !== 0) return `${a} is as long as there are owners, and says no max_entries`;
    if (keySize !== 4) return `${a} has keys of 4 bytes, and not of ${keySize}`;
    if (map.keyTypeId === 0 || map.valueTypeId === 0)
      return `${a} has to tell the types of its keys and values: __type(key, int), __type(value, …)`;
  }
  return undefined;
}
