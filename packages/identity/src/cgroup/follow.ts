import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs';

/** Folders that are followed; each is a watch of the kernel's, of which root and its kubelet together may have but 8,192. */
const MOST = 2_048;

/** Gets each folder of the tree once: its id and its path. */
export type OnFolder = (id: bigint, path: string) => void;

/**
 * Follows a tree of cgroups: tells of every folder that is there, then of each new one when it is made, milliseconds later. Nothing
 * is asked again and again. Where the kernel gives no more watches, folders below those that have one are not told.
 *
 * Source: inotify(7); cgroupfs tells of folders that are made in it as other file systems do.
 */
export class CgroupTree implements Disposable {
  readonly #root: string;
  readonly #onFolder: OnFolder;
  readonly #watchers = new Map<string, FSWatcher>();
  #full = false;

  /** @param root where cgroup v2 is mounted; paths begin there with `/` */
  constructor(root: string, onFolder: OnFolder) {
    this.#root = root;
    this.#onFolder = onFolder;
    this.#add('/');
  }

  /** A folder and all below it; breadth first, so that a cap leaves out what lies deepest. */
  #add(first: string): void {
    const left = [first];
    for (let path = left.shift(); path !== undefined; path = left.shift()) {
      try {
        const folder = statSync(this.#root + path, { bigint: true });
        if (!folder.isDirectory()) continue;
        // Before it is read: what is made meanwhile is told by the one or the other, or by both.
        this.#watch(path);
        this.#onFolder(folder.ino, path);
        for (const e of readdirSync(this.#root + path, { withFileTypes: true }))
          if (e.isDirectory()) left.push(below(path, e.name));
      } catch (error) {
        // Events come on, and what is asked for is still searched for: nothing to end a run for.
        if (isShort(error)) this.#full = true;
        else if (!isGone(error)) throw error;
      }
    }
  }

  #watch(path: string): void {
    if (this.#full || this.#watchers.has(path) || this.#watchers.size >= MOST) return;
    try {
      const watcher = watch(this.#root + path, { persistent: false }, (event, name) => {
        // What changes in a file is told as well, and nothing to us.
        if (event === 'rename' && name !== null) this.#changed(below(path, name));
      });
      watcher.on('error', () => this.#drop(path));
      this.#watchers.set(path, watcher);
    } catch (error) {
      if (!isShort(error)) throw error;
      this.#full = true;
    }
  }

  /** Something of this name was made or removed, perhaps both: then the watch that there is belongs to the one that is gone. */
  #changed(path: string): void {
    this.#drop(path);
    this.#add(path);
  }

  #drop(path: string): void {
    this.#watchers.get(path)?.close();
    this.#watchers.delete(path);
  }

  [Symbol.dispose](): void {
    for (const path of [...this.#watchers.keys()]) this.#drop(path);
  }
}

function below(path: string, name: string): string {
  return path === '/' ? `/${name}` : `${path}/${name}`;
}

/** No more watches or descriptors. */
function isShort(error: unknown): boolean {
  return ['ENOSPC', 'EMFILE', 'ENFILE', 'ENOMEM'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** Removed while we looked, or forbidden. */
function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENODEV', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '');
}
