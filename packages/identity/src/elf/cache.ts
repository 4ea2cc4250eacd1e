import { closeSync, fstatSync } from 'node:fs';
import { type ElfFacts, readElfFacts } from './facts.ts';

const CAP = 2048;

/**
 * Facts of program files by file, not by path: a hundred workers of one program cost one reading, and an upgrade in
 * place is another file. The least recently used is forgotten at 2048.
 */
export class ElfCache {
  readonly #facts = new Map<string, ElfFacts | null>();

  /** Takes the descriptor over and closes it. */
  read(fd: number | undefined, hint: string | undefined): ElfFacts | undefined {
    if (fd === undefined) return undefined;
    try {
      const { dev, ino, size, mtimeMs } = fstatSync(fd);
      const key = `${dev}:${ino}:${size}:${mtimeMs}:${hint ?? ''}`;
      let facts = this.#facts.get(key);
      if (facts === undefined) facts = readElfFacts(fd, new Set(hint === undefined ? [] : [hint])) ?? null;
      this.#facts.delete(key);
      this.#facts.set(key, facts);
      if (this.#facts.size > CAP) this.#facts.delete(this.#facts.keys().next().value!);
      return facts ?? undefined;
    } finally {
      closeSync(fd);
    }
  }
}
