import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { BpfError } from './errors.ts';

/** An opaque handle of the addon; `K` keeps the kinds apart for the compiler. */
export interface Handle<K extends string> {
  readonly __handle: K;
}
export type ObjectHandle = Handle<'object'>;
export type LinkHandle = Handle<'link'>;
export type MemoryHandle = Handle<'memory'>;
export type PollHandle = Handle<'poll'>;

/** One program of an object as libbpf sees it before load. */
export interface NativeProgram {
  name: string;
  section: string;
  type: number;
  expectedAttachType: number;
  autoload: boolean;
}

/** One map of an object as libbpf sees it before load. */
export interface NativeMap {
  name: string;
  type: number;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  flags: number;
  keyTypeId: number;
  valueTypeId: number;
  internal: boolean;
}

/** How `attach` ties a program to its hook; the meaning of a, b, c and number depends on it. */
export type NativeAttachKind =
  | 'auto'
  | 'tracepoint'
  | 'kprobe'
  | 'kprobe.multi'
  | 'ksyscall'
  | 'uprobe'
  | 'usdt'
  | 'raw_tracepoint'
  | 'trace'
  | 'perf_event'
  | 'cgroup'
  | 'netns'
  | 'xdp'
  | 'iter.map'
  | 'iter.task'
  | 'iter.cgroup';

type Text = string | null;
type Bytes = Uint8Array | null;

/** The addon's surface, function by function as in `native/*.c`. Everything throws {@link NativeError}. */
export interface Native {
  readonly libbpfVersion: string;
  readonly pageSize: number;

  /** `types`: the path of a BTF file that stands in for the kernel's own types. */
  objectOpen(bytes: Uint8Array, name: Text, types: Text): ObjectHandle;
  objectDescribe(o: ObjectHandle): { programs: NativeProgram[]; maps: NativeMap[] };
  objectLoad(o: ObjectHandle, debug: boolean): Promise<{ programs: number[]; maps: number[]; log: string }>;
  objectClose(o: ObjectHandle): void;
  mapConfigure(
    o: ObjectHandle,
    map: number,
    what:
      | 'type'
      | 'keySize'
      | 'valueSize'
      | 'maxEntries'
      | 'flags'
      | 'autocreate'
      | 'window'
      | 'extraLow'
      | 'extraHigh',
    n: number,
  ): void;
  mapReuse(o: ObjectHandle, map: number, fd: number): void;
  mapInitialWrite(o: ObjectHandle, map: number, offset: number, bytes: Uint8Array): void;
  programConfigure(
    o: ObjectHandle,
    program: number,
    what: 'autoload' | 'type' | 'expectedAttachType' | 'flags' | 'logLevel',
    n: number,
  ): void;
  programTarget(o: ObjectHandle, program: number, kernelFunction: string): void;

  attach<P extends boolean>(
    o: ObjectHandle,
    program: number,
    how: NativeAttachKind,
    a: Text,
    b: Text,
    c: Text,
    number: number,
    offset: number,
    ret: boolean,
    cookie: bigint,
    pool: P,
  ): P extends true ? Promise<LinkHandle> : LinkHandle;
  linkFromFd(fd: number): LinkHandle;
  linkFd(link: LinkHandle): number;
  linkMissed(fd: number): number;
  linkClose(link: LinkHandle): void;
  linksClose(links: LinkHandle[]): Promise<number>;

  mapLookup(fd: number, key: Bytes, value: Uint8Array, flags: number, remove: boolean): boolean;
  mapUpdate(fd: number, key: Bytes, value: Uint8Array, flags: number): void;
  mapDelete(fd: number, key: Uint8Array): boolean;
  mapNextKey(fd: number, key: Bytes, next: Uint8Array): boolean;
  mapBatch(
    fd: number,
    from: Bytes,
    next: Uint8Array,
    keys: Uint8Array,
    keyAt: number,
    values: Uint8Array,
    valueAt: number,
    max: number,
  ): number;
  mapBatchOnPool(
    fd: number,
    from: Bytes,
    next: Uint8Array,
    keys: Uint8Array,
    values: Uint8Array,
    max: number,
  ): Promise<number>;
  mapCreate(
    type: number,
    name: Text,
    keySize: number,
    valueSize: number,
    maxEntries: number,
    flags: number,
  ): number;
  mapInfo(fd: number): {
    id: number;
    type: number;
    keySize: number;
    valueSize: number;
    maxEntries: number;
    flags: number;
    name: string;
  };
  objPin(fd: number, path: string): void;
  objGet(path: string): number;
  fdClose(fd: number): void;

  programInfo(fd: number): {
    id: number;
    type: number;
    name: string;
    tag: Uint8Array;
    runTimeNs: bigint;
    runCount: bigint;
    recursionMisses: bigint;
    verifiedInstructions: number;
    translatedBytes: number;
    nativeBytes: number;
    /** When it was loaded, since boot. */
    loadTimeNs: bigint;
  };
  programTestRun(
    fd: number,
    data: Bytes,
    context: Bytes,
    repeat: number,
    flags: number,
    dataOut: Bytes,
  ): { returned: number; durationNs: number; dataLength: number };
  programLoad(
    type: number,
    expected: number,
    code: Uint8Array,
    license: string,
    btfId: number,
    flags?: number,
  ): number;
  tokenCreate(bpffs: number): number;
  nextId(what: number, id: number): number;
  fdById(what: number, id: number): number;
  programMaps(fd: number): number[];
  linkInfo(fd: number): { id: number; type: number; programId: number };
  rawTracepointOpen(name: Text, program: number): number;
  linkCreate(program: number, target: number, attachType: number, flags: number): number;
  kprobeMultiOpen(program: number, kernelFunction: string): number;
  iteratorCreate(link: number): number;
  kprobeMultiLink(program: number, names: Uint8Array, attachType: number, flags: number): number;
  uprobeMultiLink(
    program: number,
    path: string,
    offsets: Uint8Array,
    attachType: number,
    flags: number,
    pid: number,
  ): number;
  netfilterLink(program: number, family: number, hook: number, priority: number): number;
  packetSocket(program: number, interfaceIndex: number): number;
  networkEnter(fd: number): void;
  tcAttach(
    interfaceIndex: number,
    egress: boolean,
    program: number,
    handle: number,
    priority: number,
  ): boolean;
  tcDetach(
    interfaceIndex: number,
    egress: boolean,
    handle: number,
    priority: number,
    programId: number,
    qdisc: boolean,
  ): boolean;

  ringMap(fd: number, size: number): { handle: MemoryHandle; buffer: ArrayBuffer };
  perfMap(fds: Uint8Array, pages: number): { handle: MemoryHandle; buffer: ArrayBuffer };
  memoryClose(memory: MemoryHandle): void;
  perfOpen(
    type: number,
    config: number,
    rate: number,
    isFrequency: boolean,
    isOutput: boolean,
    wakeup: number,
    pid: number,
    cpu: number,
  ): number;
  perfEnable(fd: number): void;
  perfLost(fd: number): number;
  epollOf(fds: Uint8Array): number;

  /** Does not keep `onReadable` alive. */
  pollNew(fd: number, onReadable: () => void): PollHandle;
  pollSet(poll: PollHandle, on: boolean): void;
  pollClose(poll: PollHandle): void;

  probeProgram(type: number): boolean;
  probeMap(type: number): boolean;
  probeHelper(programType: number, helper: number): boolean;
  kernelBtfId(name: string, attachType: number): number;
  statsEnable(): number;
  memlock(raise: boolean): { soft: number; hard: number };
  mountFs(type: string, directory: string): void;
  readDetached(type: string, path: string): string;
  sleptNs(): number;
  interfaceIndex(name: string): number;
  vmlinuxDump(path: Text): Promise<string>;
  kernelTypesAhead(): Promise<boolean> | false;
  kernelTypesDrop(): true;
  kernelTypeId(name: string, kind: number): number;
  kernelPrototype(name: string, kind: number): string;
  releaseMemory(): number;
  notify(path: string, text: string): true;
  /** `low` and `high`: bits of the capabilities that stay. */
  confine(commands: Uint8Array, low: number, high: number): true;
}

/** What the addon throws: the kernel's or libbpf's errno (positive) and what libbpf printed meanwhile. */
export interface NativeError extends Error {
  readonly code: 'SKEP_NATIVE';
  readonly errno: number;
  readonly log?: string;
}

export function isNativeError(e: unknown): e is NativeError {
  return e instanceof Error && (e as Partial<NativeError>).code === 'SKEP_NATIVE';
}

/** Where build.sh puts the addon; a package carries one for each architecture. */
const place = `../build/${process.platform}-${process.arch}/skep_bpf.node`;

function load(): Native {
  const path = fileURLToPath(new URL(place, import.meta.url));
  try {
    return createRequire(import.meta.url)(path) as Native;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND')
      throw new BpfError('SKEP_ADDON', `The native addon ${path} does not load on this machine`, {
        hint:
          'It needs Linux with glibc 2.33 or later (Debian 12, Ubuntu 22.04, RHEL 9; not musl). ' +
          'From a checkout, packages/bpf/native/build.sh builds it for this machine.',
        object: path,
        cause,
      });
  }
  throw new BpfError('SKEP_ADDON', `The native addon is not installed (looked for ${path})`, {
    hint:
      process.platform === 'linux'
        ? `There is no prebuilt addon for ${process.platform}-${process.arch}; packages/bpf/native/build.sh in a checkout builds one.`
        : 'eBPF programs run on Linux only; building, pushing and pulling images works here.',
  });
}

let loaded: Native | undefined;

/** The addon, loaded at the first use: commands that never touch the kernel do not pay for it. */
export function native(): Native {
  loaded ??= load();
  return loaded;
}
