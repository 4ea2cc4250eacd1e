import { type BpfLink, countMisses, missesKnown, runningKernel } from '@skep/bpf';
import type { Missed } from '../types.ts';
import type { Opened } from './open.ts';

/** What is known of runs that did not happen. */
export interface MissReport {
  readonly missed: readonly Missed[];
  /** Programs of which the kernel does not tell, or not all. */
  readonly missesUnknown: readonly string[];
}

/** Adds up what the kernel counted as missed: at the programs, and at their links as long as these are open. */
export class MissCounter {
  readonly #opened: readonly Opened[];
  readonly #links: readonly BpfLink[];
  readonly #unknown: readonly string[];
  /** A link that was closed says nothing any more. */
  readonly #atLinks = new Map<string, number>();

  constructor(opened: readonly Opened[], links: readonly BpfLink[]) {
    this.#opened = opened;
    this.#links = links;
    const { version } = runningKernel();
    const programs = opened.flatMap((o) => o.ladder.programs());
    this.#unknown = [...new Set(programs.filter((p) => !missesKnown(p.type, version)).map((p) => p.name))];
  }

  read(): MissReport {
    const missed: Missed[] = [];
    const seen = new Set<string>();
    for (const o of this.#opened)
      for (const program of o.ladder.programs()) {
        const { name } = program;
        // Links know their program's name only: of two programs of a name the first is told of both's.
        const links = seen.has(name) ? [] : this.#links.filter((l) => l.program === name);
        seen.add(name);
        const { recursion, hook } = countMisses(program, links);
        const key = `${o.name}\0${name}`;
        const atLinks = Math.max(hook, this.#atLinks.get(key) ?? 0);
        this.#atLinks.set(key, atLinks);
        const about = { program: name, object: o.name };
        if (recursion > 0) missed.push({ ...about, reason: 'recursion', count: recursion });
        if (atLinks > 0) missed.push({ ...about, reason: 'hook', count: atLinks });
      }
    return { missed, missesUnknown: this.#unknown };
  }
}
