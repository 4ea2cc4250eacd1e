/** A group of alternative hooks, and what became of it. */
export interface HookChoice {
  readonly group: string;
  readonly object: string;
  /** The probe runs without it. */
  readonly optional: boolean;
  /** Found by the likeness of its programs, not by tags. */
  readonly twins: boolean;
  /** What is missing from the output without it, as the author says. */
  readonly without?: string;
  /** The rung that runs; undefined when the group was left out. */
  readonly taken?: string;
  /** Best first. */
  readonly rungs: readonly HookRung[];
}

/** One alternative: programs that are taken or refused together. */
export interface HookRung {
  readonly name: string;
  readonly programs: readonly string[];
  /**
   * `refused`: judged not to run here. `failed`: it was tried and did not load or attach. `not needed`: a better one was
   * taken. `not asked for`: another one was forced.
   */
  readonly state: 'taken' | 'refused' | 'failed' | 'not needed' | 'not asked for';
  /** Why refused or failed; a caveat where it runs. */
  readonly reason?: string;
  readonly hint?: string;
}
