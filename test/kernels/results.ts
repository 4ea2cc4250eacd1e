import type { GuestTest } from './guest/reporter.ts';

/** A guest's test with its suites' names in front. */
export interface NamedTest {
  name: string;
  ms: number;
  failure?: string;
  skip?: string;
}

/**
 * Gathers a guest's lines into tests. A suite ends after its children, one level further out; it is kept itself
 * only when it failed though none of its children did (a hook, or nothing to run).
 */
export class GuestResults {
  #levels: NamedTest[][] = [];
  /** What tests remarked (`t.diagnostic`). */
  readonly notes: string[] = [];

  /** Takes a line; false when it is not about a test. */
  take(line: string): boolean {
    const note = /^@@skep note (".*")\s*$/.exec(line)?.[1];
    if (note) this.notes.push(JSON.parse(note) as string);
    if (note) return true;
    const json = /^@@skep test (\{.*\})\s*$/.exec(line)?.[1];
    if (!json) return false;
    const { name, nesting, ms, failure, skip } = JSON.parse(json) as GuestTest;
    const children = this.#levels[nesting + 1] ?? [];
    this.#levels[nesting + 1] = [];
    this.#levels[nesting] ??= [];
    const level = this.#levels[nesting];
    for (const c of children) level.push({ ...c, name: `${name} › ${c.name}` });
    const own = failure !== undefined && !children.some((c) => c.failure !== undefined);
    if (children.length === 0 || own) level.push({ name, ms, failure, skip });
    return true;
  }

  /** Those of suites that have not ended, too: a guest may run out of time. */
  get tests(): readonly NamedTest[] {
    return this.#levels.flat();
  }
}
