import { Buffer } from 'node:buffer';
import { BpfError } from '../errors.ts';
import { programTypeName } from '../kernel/types.ts';
import { type AttachOptions, attachNow, attachOnPool, tryTarget } from '../links/attach.ts';
import type { BpfLink } from '../links/link.ts';
import { isNativeError, type NativeProgram, native, type ObjectHandle } from '../native.ts';
import { pinAt } from './pin.ts';
import { parseSection } from './section.ts';

/** What a program needs of the object it belongs to. */
export interface ProgramOwner {
  readonly name: string;
  /** `what` is about to change. @throws {BpfError} `SKEP_STATE` when it no longer can, `SKEP_CLOSED` */
  beforeLoad(what: string): void;
  /** @throws {BpfError} `SKEP_CLOSED` */
  handle(): ObjectHandle;
  /** @throws {BpfError} `SKEP_CLOSED`, `SKEP_STATE` before load */
  programFd(index: number): number;
  /** The program that was loaded in place of this one. */
  sharing(index: number): BpfProgram | undefined;
  adopt(link: BpfLink): void;
}

/** What the kernel knows of a loaded program (`struct bpf_prog_info`). */
export interface ProgramInfo {
  id: number;
  /** The kernel's name of its type, such as `tracing` for fentry, tp_btf and iter. */
  kernelType: string;
  /** Hash of the instructions, 16 hex digits. */
  tag: string;
  /** Nanoseconds spent in it while statistics were enabled ({@link enableStats}). */
  runTimeNs: bigint;
  /** Runs while statistics were enabled. */
  runCount: bigint;
  /** Runs that were skipped as the program was already running on that CPU. */
  recursionMisses: bigint;
  /** Instructions the verifier walked; 0 before kernel 5.16. */
  verifiedInstructions: number;
}

/** Input of {@link BpfProgram.testRun}. */
export interface TestRunOptions {
  /** How often to run; default 1. Types without a packet (raw_tp, tp_btf) always run once a call. */
  repeat?: number;
  /** The packet, for xdp, tc, socket filters, cgroup_skb. */
  data?: Uint8Array;
  /** The context, such as the arguments of a raw_tp, 8 bytes each. */
  context?: Uint8Array;
}

/** What {@link BpfProgram.testRun} saw. */
export interface TestRunResult {
  /** What the program returned at its last run. */
  returned: number;
  /** Average nanoseconds of one run; 0 for types that are not timed. */
  durationNs: number;
}

/** One program of a {@link BpfObject}. */
export class BpfProgram {
  readonly name: string;
  /** The section as the author wrote it, such as `tp/oom/mark_victim`. */
  readonly section: string;
  /** The kind its section name says: `'tracepoint'`, `'kprobe'`, `'raw_tp'`, `'tp_btf'`, `'fentry'`, … */
  readonly type: string;
  /** What follows in the section name, such as `oom/mark_victim`; empty when nothing does. */
  readonly target: string;
  /** Whether its section says what kind of program it is to the kernel; one without does not load. */
  readonly typed: boolean;
  readonly #owner: ProgramOwner;
  readonly #index: number;
  #autoload: boolean;
  #settled = false;

  /** Made by {@link BpfObject.open}. */
  constructor(owner: ProgramOwner, index: number, p: NativeProgram, typed: boolean) {
    this.typed = typed;
    this.#owner = owner;
    this.#index = index;
    this.name = p.name;
    this.section = p.section;
    ({ kind: this.type, target: this.target } = parseSection(p.section));
    this.#autoload = p.autoload;
  }

  /** Whether {@link BpfObject.load} loads it. May be set before load. @throws {BpfError} `SKEP_STATE` after it */
  get autoload(): boolean {
    return this.#autoload;
  }

  set autoload(on: boolean) {
    this.#owner.beforeLoad(`whether program "${this.name}" loads`);
    native().programConfigure(this.#owner.handle(), this.#index, 'autoload', on ? 1 : 0);
    this.#autoload = on;
  }

  /**
   * Points an fentry, fexit, fsession, tp_btf or lsm program at another kernel function. Before load only: the verifier
   * checks the program against that function's arguments.
   * @throws {BpfError} `SKEP_STATE`, `SKEP_NOT_FOUND` when the kernel has no such function
   */
  setKernelFunction(name: string): void {
    this.#owner.beforeLoad(`the kernel function of program "${this.name}"`);
    try {
      native().programTarget(this.#owner.handle(), this.#index, name);
      this.#settled = true;
    } catch (cause) {
      if (!isNativeError(cause)) throw cause;
      throw new BpfError(
        'SKEP_NOT_FOUND',
        `The kernel's BTF has no "${name}" that program "${this.name}" could be attached to`,
        {
          hint: `Look for it with: bpftool btf dump file /sys/kernel/btf/vmlinux | grep "'${name}'"`,
          object: this.name,
          errno: cause.errno,
          log: cause.log,
          cause,
        },
      );
    }
  }

  /**
   * Settles the kernel function that the section names where libbpf 1.1, which does not know the section, would not.
   * {@link BpfObject.load} calls it before anything is loaded.
   * @throws {BpfError} `SKEP_NOT_FOUND`
   */
  settleFunction(): void {
    if (this.type === 'fsession' && this.#autoload && !this.#settled && this.target !== '')
      this.setKernelFunction(this.target);
  }

  /** @throws {BpfError} `SKEP_STATE` before load or when autoload is off, `SKEP_CLOSED` */
  get fd(): number {
    const fd = this.#owner.programFd(this.#index);
    if (fd >= 0) return fd;
    throw new BpfError(
      'SKEP_STATE',
      `Program "${this.name}" of ${this.#owner.name} was not loaded: its autoload is off`,
      {
        hint: 'Set autoload to true before load().',
        object: this.name,
      },
    );
  }

  /**
   * Ties the program to its hook: the one its section names, or the one the options name. A slow hook may
   * keep the caller waiting for some milliseconds; {@link attachAsync} does not.
   *
   * The object keeps the link: closing either detaches the program.
   * @throws {BpfError} `SKEP_ATTACH`, `SKEP_UNSUPPORTED` when this kernel lacks the hook or the kind of hook,
   * `SKEP_PERMISSION`, `SKEP_ARGUMENT` when a target is needed or misspelt, `SKEP_STATE`, `SKEP_CLOSED`
   */
  attach(options: AttachOptions = {}): BpfLink {
    const link = attachNow(this, this.#place(), options);
    this.#owner.adopt(link);
    return link;
  }

  /** {@link attach} on a thread of libuv's pool. One at a time for an object. */
  async attachAsync(options: AttachOptions = {}): Promise<BpfLink> {
    const link = await attachOnPool(this, this.#place(), options);
    this.#owner.adopt(link);
    return link;
  }

  /**
   * Looks for what {@link attach} would attach it to, before or after the load, and attaches nothing: the interface, the
   * cgroup, the process, the file's functions. What the kernel alone knows of it is not asked.
   * @throws {BpfError} as {@link attach}
   */
  tryTarget(options: AttachOptions = {}): void {
    tryTarget(this, options);
  }

  /** The name of the program that was loaded in place of this one, being the same ({@link BpfObject.load}); what the kernel counts is of both. */
  get sharedWith(): string | undefined {
    return this.#owner.sharing(this.#index)?.name;
  }

  #place() {
    this.fd; // says what is wrong when it is not loaded
    const loaded = this.#owner.sharing(this.#index) ?? this;
    return { object: this.#owner.handle(), index: loaded.#index };
  }

  /** Pins it in a bpf file system. @throws {BpfError} `SKEP_PIN` */
  pin(path: string): void {
    pinAt(this.fd, path, `program "${this.name}"`);
  }

  /** What the kernel knows of it now. */
  info(): ProgramInfo {
    const i = native().programInfo(this.fd);
    return {
      id: i.id,
      kernelType: programTypeName(i.type),
      tag: Buffer.from(i.tag).toString('hex'),
      runTimeNs: i.runTimeNs,
      runCount: i.runCount,
      recursionMisses: i.recursionMisses,
      verifiedInstructions: i.verifiedInstructions,
    };
  }

  /**
   * Runs it in the kernel without its hook (BPF_PROG_TEST_RUN).
   * @throws {BpfError} `SKEP_UNSUPPORTED` for types the kernel cannot run so (kprobe, tracepoint, …)
   */
  testRun(options: TestRunOptions = {}): TestRunResult {
    const { repeat = 1, data = null, context = null } = options;
    try {
      const r = native().programTestRun(this.fd, data, context, data ? repeat : 0, 0, null);
      for (let i = 1; !data && i < repeat; i++) native().programTestRun(this.fd, null, context, 0, 0, null);
      return { returned: r.returned, durationNs: r.durationNs };
    } catch (cause) {
      if (!isNativeError(cause)) throw cause;
      throw new BpfError(
        'SKEP_UNSUPPORTED',
        `The kernel cannot test-run program "${this.name}" (${this.type})`,
        {
          hint: 'xdp, tc, socket, cgroup_skb (with 14 bytes of data or more), raw_tp, tp_btf and syscall programs can be run so.',
          object: this.name,
          errno: cause.errno,
          cause,
        },
      );
    }
  }
}
