import type { Verdict } from '@skep/bpf';
import type { Choice } from '../hooks/choose.ts';

/** What becomes of one program on one kernel. */
export interface CheckedProgram {
  readonly name: string;
  readonly section: string;
  /** False for `SEC("?…")`: loaded only when asked for, so it does not count. */
  readonly autoload: boolean;
  /** The group of alternatives it belongs to, and its rung there. */
  readonly group?: string;
  readonly rung?: string;
  readonly verdict: Verdict;
}

/** What becomes of an object on one kernel. */
export interface CheckedObject {
  readonly name: string;
  readonly programs: readonly CheckedProgram[];
  /** Which rung each group would take. */
  readonly groups: readonly Choice[];
  /** Programs outside of groups and required groups together. */
  readonly verdict: Verdict;
  /** Why `run` would attach nothing of it, and, where no other object of the probe is attached either, end with an error. */
  readonly idle?: Verdict;
}
