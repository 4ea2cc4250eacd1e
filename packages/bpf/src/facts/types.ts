import type { Btf } from '../btf/btf.ts';
import type { UsdtProbes } from '../elf/user-functions.ts';
import type { Helpers } from '../features/helpers.ts';
import type { HookKind } from '../features/hooks.ts';

/**
 * What is known of a kernel, the running one ({@link runningKernel}) or one that is kept as data. `undefined` means
 * not known, and nobody may conclude anything from it; an empty set means that there is nothing.
 */
export interface KernelFacts {
  /** `'6.1.176-1-cloud-amd64'`, or `'the running kernel'`. */
  readonly name: string;
  readonly version: readonly [major: number, minor: number, patch: number];
  readonly architecture: 'x86_64' | 'arm64';
  /** The kernel's own types; those of modules are not among them. */
  readonly btf?: Btf;
  /** Whether `btf` has a type of that name and kind, for who knows that without the rest. */
  readonly hasType?: (name: string, kind: 'func' | 'typedef' | 'struct') => boolean | undefined;
  /** What CO-RE relocations are answered from where the kernel has no types of its own; those that they need. */
  readonly relocationTypes?: Btf;
  /** Types of the modules that are loaded, each on top of `btf`. */
  readonly modules?: () => readonly Btf[];
  /** Whether a module that may be loaded brings a type, function or variable of that name; undefined when it is not known. */
  readonly inModules?: (name: string) => boolean | undefined;
  /**
   * What a function (`func`), or a pointer to one that a typedef names, returns and takes: numbers as `int`, structs and
   * pointers by name, `struct sock *`. For who knows that without the rest; undefined when there is none of that name.
   */
  readonly prototype?: (name: string, kind: 'func' | 'typedef') => readonly string[] | undefined;
  /** Which functions it has, and which of them can be hooked. */
  readonly functions?: KernelFunctions;
  /** Whether a symbol of that name is there, of a function or of data; undefined when it is not known. */
  readonly hasSymbol?: (name: string) => boolean | undefined;
  readonly tracepoints?: Tracepoints;
  /**
   * Names of the functions in a program or library of the machine whose kernel this is. Of kernels that are kept as data
   * nobody knows what files they run with.
   */
  readonly userFunctions?: (path: string) => readonly string[] | NoProgram | undefined;
  /** The same of its USDT probes. */
  readonly usdtProbes?: (path: string) => UsdtProbes | NoProgram | undefined;
  /** `CONFIG_X` to `y`, `m` or its value, quotes kept. What is not set is not in it. */
  readonly config?: ReadonlyMap<string, string>;
  /** Whether a module is loaded, built in, or lies where modules are loaded from; undefined when that cannot be read. */
  readonly hasModule?: (name: string) => boolean | undefined;
  /** Whether libbpf finds the configuration where it looks, to fill in kconfig externs; absent when nobody knows. */
  readonly configFile?: boolean;
  /** Which kinds of hook attach at all: kprobes permitted, trampolines permitted, … A kind that is absent is not known. */
  readonly hooks?: Readonly<Partial<Record<HookKind, boolean>>>;
  /** By the kernel's names: `'kprobe'`, `'tracing'`, … */
  readonly programTypes?: ReadonlySet<string>;
  /** By the kernel's names: `'hash'`, `'ringbuf'`, … */
  readonly mapTypes?: ReadonlySet<string>;
  /**
   * Names of the helpers (`'bpf_ktime_get_ns'`) that programs of a type may call. Those of tracing programs hang on what
   * they are attached to: `'tracing/fentry'`, `'tracing/raw_tp'`, `'tracing/iter'`.
   */
  readonly helpers?: (programType: string) => Helpers | undefined;
}

/**
 * Why a file tells nothing: there is none of that name (`absent`), it is a folder or begins like no program (`no program`),
 * it may not be read, or is of a kind that is not read here (`unreadable`).
 */
export type NoProgram = 'absent' | 'no program' | 'unreadable';

/** The functions of a kernel. Names are those of kallsyms. */
export interface KernelFunctions {
  /**
   * `traceable`: ftrace lists it and no blacklist names it. `untraceable`: it is there and cannot be hooked. `absent`:
   * there is no symbol of exactly that name, in modules neither. `unknown`: whether it is there, or whether it can be
   * hooked. Trampolines (`ftrace`) heed ftrace's list alone: what kprobes must not be on may have an fentry program.
   */
  look(name: string, by?: 'kprobe' | 'ftrace'): 'traceable' | 'untraceable' | 'absent' | 'unknown';
  /**
   * The name by which ftrace lists a function that has this name as well, as `__do_sys_getpid` for `__x64_sys_getpid`. Hooks
   * that go by the address, as kprobes do, take either; the kernel's types know one.
   */
  alias?(name: string): string | undefined;
  /**
   * Whether ftrace lists a function whose name fits a pattern (`*` and `?` as in a shell); those of modules, which patterns
   * are not held against, left out. Undefined when it is not known.
   */
  anyTraceable?(pattern: string): boolean | undefined;
  /** What the compiler made of it: `foo.isra.0`, `foo.constprop.0`, `foo.part.0`, `foo.cold`, … Empty when nothing is known. */
  variants(name: string): readonly string[];
  /**
   * Whether its symbol is local to one file, so that the compiler was free to inline it at some of its call sites, and
   * how many functions have that name. Undefined when it is not known.
   */
  symbol(name: string): { static: boolean; count: number } | undefined;
}

/** The tracepoints of a kernel that are events, as in /sys/kernel/tracing/events. */
export interface Tracepoints {
  /** Undefined when it is not known, as of a module that is not loaded. */
  has(category: string, name: string): boolean | undefined;
  /** Whether any category has an event of that name with a tracepoint behind it: raw_tp and tp_btf name no category. */
  hasName(name: string): boolean | undefined;
  /** Where the last member of the event's record ends: the kernel attaches no program that reads behind it. */
  end?(category: string, name: string): number | undefined;
}

/** Three answers to "does it run there", and why. `reason` completes "refused: …", without a full stop. */
export type Verdict =
  | { readonly state: 'runs'; readonly note?: string }
  | { readonly state: 'refused' | 'unknown'; readonly reason: string; readonly hint?: string };
