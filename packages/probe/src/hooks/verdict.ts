import type { Verdict } from '@skep/bpf';

/** A kernel, or a machine, has no such hook; `hint` says what to do. */
export function refused(reason: string, hint: string): Verdict {
  return { state: 'refused', reason, hint };
}

/** Nobody can tell, because. */
export function unknown(reason: string): Verdict {
  return { state: 'unknown', reason };
}
