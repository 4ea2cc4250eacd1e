import { type BpfLink, countMisses, missesKnown, runningKernel } from '@skep/bpf';
import type { Missed } from '../contract/losses.ts';
import { tagsOf } from '../streams/tags.ts';
import { globalReader } from './losses.ts';
import type { Opened } from './open.ts';

/** What is known of runs that did not happen. */
export interface MissReport {
  readonly missed: readonly Missed[];
  /** Programs of which the kernel does not tell, or not all. */
  readonly missesUnknown: readonly string[];
}

/**
 * Adds up what the kernel counted as missed: at the programs, and at their links as long as these are open. Where a program
 * stands in for another (SKEP_STANDS_IN), what it made up for was not missed, and what it missed itself is the other's.
 */
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
    for (const o of this.#opened) {
      const { madeUp, standIns } = standingIn(o);
      for (const program of o.ladder.programs()) {
        const { name } = program;
        if (standIns.has(name)) continue;
        // Links know their program's name only: of two programs of a name the first is told of both's.
        const links = seen.has(name) ? [] : this.#links.filter((l) => l.program === name);
        seen.add(name);
        const { recursion: own, hook } = countMisses(program, links);
        // Where one was loaded for several the kernel counts for all of them, and that is told of the first.
        const recursion = program.sharedWith === undefined ? own : 0;
        const key = `${o.name}\0${name}`;
        const atLinks = Math.max(hook, this.#atLinks.get(key) ?? 0);
        this.#atLinks.set(key, atLinks);
        const about = { program: name, object: o.name };
        const left = recursion - (recursion > 0 ? (madeUp.get(name)?.() ?? 0) : 0);
        if (left > 0) missed.push({ ...about, reason: 'recursion', count: left });
        if (atLinks > 0) missed.push({ ...about, reason: 'hook', count: atLinks });
      }
    }
    return { missed, missesUnknown: this.#unknown };
  }
}

/** Programs that stand in for others, and of these how many runs were made up for. */
function standingIn(o: Opened): { madeUp: Map<string, () => number>; standIns: Set<string> } {
  const madeUp = new Map<string, () => number>();
  const standIns = new Set<string>();
  for (const { name } of o.ladder.programs()) {
    const [program, counter] = tagsOf(o.object.btf, name, 'func').standsIn?.split(/, */) ?? [];
    const global = o.object.globals.find((g) => g.name === counter);
    const read = global && globalReader(o, global);
    if (program === undefined || !read) continue;
    standIns.add(name);
    madeUp.set(program, read);
  }
  return { madeUp, standIns };
}
