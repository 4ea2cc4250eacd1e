import { existsSync, type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

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

  /** Also watches the folders that these files lie in; one that is gone, or goes (`git switch`), from when it is there again. */
  add(files: readonly string[]): void {
    for (const folder of new Set(files.map((file) => dirname(file))))
      if (!this.#watched.has(folder)) this.#watch(folder);
  }

  /** A folder that is not there shows in the nearest one above it that is. */
  #watch(folder: string, place = folder): void {
    const inode = inodeOf(place);
    if (inode === undefined) {
      this.#watch(folder, dirname(place));
      return;
    }
    let watcher: FSWatcher;
    try {
      watcher = watch(place, (_, name) => {
        if (place === folder) this.#seen(name);
        // What is watched is a folder and not its name, which may be another's by now; of itself it tells by its own name.
        const itself = name === basename(place) || inodeOf(place) !== inode;
        if (itself || (place !== folder && isNearer(folder, place))) again();
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      this.#watch(folder); // it went between the two calls
      return;
    }
    const again = (): void => {
      watcher.close();
      this.#watch(folder);
      if (existsSync(folder)) this.#seen(null);
    };
    watcher.on('error', () => this.#watched.delete(folder));
    this.#watched.set(folder, watcher);
    // It came before this watcher did.
    if (place !== folder && isNearer(folder, place)) again();
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

/** Whether there is a folder on the way from `place` down to `folder`. */
function isNearer(folder: string, place: string): boolean {
  for (let at = folder; at.length > place.length; at = dirname(at))
    if (inodeOf(at) !== undefined) return true;
  return false;
}

function inodeOf(folder: string): number | undefined {
  const found = statSync(folder, { throwIfNoEntry: false });
  return found?.isDirectory() ? found.ino : undefined;
}
