import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';

/** What a save of is a change: not an editor's own files, nor what a build writes. */
const SOURCE = /^[^.].*\.(c|h|ya?ml|json|md)$/;
/** An editor writes a file in several steps, and several files at once. */
const SETTLE_MS = 80;

/** Tells of saves in some folders, once for those that come together. */
export class Watcher implements Disposable {
  readonly #watched = new Map<string, FSWatcher>();
  readonly #changed: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Also watches the folders that these files lie in. One that is gone is left out. */
  add(files: readonly string[]): void {
    for (const folder of new Set(files.map((file) => dirname(file)))) {
      if (this.#watched.has(folder)) continue;
      const watcher = watch(folder, (_, name) => this.#seen(name));
      watcher.on('error', () => this.#watched.delete(folder));
      this.#watched.set(folder, watcher);
    }
  }

  #seen(name: string | null): void {
    if (name !== null && !SOURCE.test(name)) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#changed, SETTLE_MS);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watched.values()) watcher.close();
  }
}
