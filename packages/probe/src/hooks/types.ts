import type { Btf, Elf } from '@skep/bpf';

/** A program as far as its hook goes; `ProgramDescription` and `BpfProgram` are such. */
export interface HookProgram {
  readonly name: string;
  readonly section: string;
  /** The kind its section says: `fentry`, `tp_btf`, … */
  readonly type: string;
  /** `tcp_v4_connect`, `sched/sched_switch`; '' when the section names none. */
  readonly target: string;
  /** False for `SEC("?…")`. */
  readonly autoload: boolean;
}

/** An object as its sections and types tell it. */
export interface HookObject {
  readonly elf: Elf;
  readonly btf: Btf;
  readonly programs: readonly HookProgram[];
}

/** One way to do the job of a group: programs that are taken or refused together. */
export interface Rung {
  readonly name: string;
  /** Names, in the object's order. */
  readonly programs: readonly string[];
}

/** Alternatives for one job. Programs that are in no group are always needed. */
export interface HookGroup {
  readonly name: string;
  /** The probe runs without it where no rung does. */
  readonly optional: boolean;
  /** What is missing from the output then, as the author says it: `no latency`. */
  readonly without?: string;
  /** Best first; at least one. */
  readonly rungs: readonly Rung[];
  /** Found by their likeness (`findTwins`), not by tags. */
  readonly twins: boolean;
}
