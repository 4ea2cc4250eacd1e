import type { HookGroup } from '../hooks/types.ts';
import type { Value } from './value.ts';

/** What a map's prefix makes of it. */
export type OutputKind = 'print' | 'counter' | 'gauge' | 'hist';

/** What an object says of itself. */
export interface ObjectDescription {
  name: string;
  /** Always `bpf`: little-endian BPF. */
  machine: string;
  /** The text of `SEC("license")`, '' without. */
  license: string;
  programs: ProgramDescription[];
  /** Alternatives of hooks, of which each kernel takes the best that it has; programs in none are always needed. */
  hooks: HookGroup[];
  /** The maps that the source declares, in its order; `.rodata`, `.data` and `.bss` are not among them. */
  maps: MapDescription[];
  params: ParamDescription[];
}

/** One program. */
export interface ProgramDescription {
  /** The function's name. */
  name: string;
  section: string;
  /** `tracepoint`, `kprobe`, `raw_tp`, `tp_btf`, `fentry`, … */
  type: string;
  /** The hook: `oom/mark_victim`, `tcp_v4_connect`; '' when the section names none. */
  target: string;
  /** False for `SEC("?…")`: loaded only when asked for. */
  autoload: boolean;
  /** Marked SKEP_OPTIONAL: left out, and said so, where the kernel lacks its hook. */
  optional: boolean;
  help?: string;
}

/** One map. Sizes in bytes; 0 when the declaration does not say. */
export interface MapDescription {
  name: string;
  /** `hash`, `array`, `ringbuf`, … as in the kernel, lower case. */
  type: string;
  /** Entries; bytes for a ring buffer. */
  maxEntries: number;
  keySize: number;
  valueSize: number;
  /** BTF type ids, 0 when none. For ring and perf buffers the value's is the type of the records. */
  keyTypeId: number;
  valueTypeId: number;
  /** As C spells it: `struct dimensions_t`, `__u64`; `8 bytes` when only the size is known. */
  keyType: string;
  valueType: string;
  output?: { kind: OutputKind; name: string };
  help?: string;
  unit?: string;
  /** One map for all objects of the image that name it so. */
  shared: boolean;
}

/** What makes a parameter a list. The map has its name. */
export interface ListDescription {
  /** Values may be ranges: `8000-8010`. */
  ranges: boolean;
  /** The map is a trie of prefixes. */
  cidrs: boolean;
  /** What means the empty list, beside `*`: `0`. */
  none?: string;
}

/** One parameter: a `const volatile` global, or a list whose values fill a map. */
export interface ParamDescription {
  name: string;
  /** As C spells it: `__u32`, `char[16]`, `enum color`, `duration_ns`; `list of __u16`. */
  type: string;
  /** Of the global, or of a list's values. */
  typeId: number;
  /** Bytes, of a list's value. */
  size: number;
  /** As the source sets it; a list is empty. */
  default: Value;
  /** The default as a person writes and reads it: `5ms`, `10.0.0.1`, `GREEN`. */
  defaultText: string;
  /** What it takes, to end a sentence: `a whole number from 0 to 255`; empty when no text can spell a value. */
  takes: string;
  /** What stands for a value in a usage line: `duration`. */
  noun: string;
  /** A value that it takes: `5ms`. */
  example: string;
  /** Of type bool: as a flag it needs no value. */
  bool: boolean;
  /** The limits that the source sets, as written there: `1ms..10s`. */
  range?: string;
  list?: ListDescription;
  /** Which flag narrows to an owner of events by it: `pid`, `comm`, `cgroup`, `uid`. */
  owner?: string;
  help?: string;
  unit?: string;
}
