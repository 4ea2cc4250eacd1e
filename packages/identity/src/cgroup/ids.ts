import { readdirSync, statSync } from 'node:fs';
import type { Host } from '../host/host.ts';
import { CgroupTree } from './follow.ts';

const CAP = 8_192;
/** Folders looked at in one search, and the pause before the next. */
const MOST_FOLDERS = 8_192;
const PAUSE_MS = 1_000;

/**
 * From a cgroup's id, as the kernel gives it, to its path in v2. Those of living processes are learned from them; for
 * one whose process has ended the tree is searched, at most once a second.
 */
export class CgroupIds {
  readonly #host: Host;
  readonly #paths = new Map<bigint, string>();
  #searched = Number.NEGATIVE_INFINITY;

  constructor(host: Host) {
    this.#host = host;
  }

  learn(id: bigint, path: string): void {
    this.#paths.delete(id);
    this.#paths.set(id, path);
    if (this.#paths.size > CAP) this.#paths.delete(this.#paths.keys().next().value!);
  }

  /**
   * Learns of all folders that are there, and from now on of each new one when it is made: so that one is known that has gone
   * by the time somebody asks for it. Undefined where there is no cgroup v2.
   *
   * @param onFolder called with the path of each
   */
  follow(onFolder: (path: string) => void = () => undefined): Disposable | undefined {
    const { cgroup2 } = this.#host;
    if (cgroup2 === undefined) return undefined;
    return new CgroupTree(cgroup2, (id, path) => {
      this.learn(id, path);
      onFolder(path);
    });
  }

  /** @returns undefined when no folder has this id (any more) */
  pathOf(id: bigint): string | undefined {
    const known = this.#paths.get(id);
    if (known !== undefined) return known;
    const { cgroup2 } = this.#host;
    if (cgroup2 === undefined || performance.now() - this.#searched < PAUSE_MS) return undefined;
    this.#search(cgroup2);
    this.#searched = performance.now();
    return this.#paths.get(id);
  }

  #search(root: string): void {
    const left = ['/'];
    for (let seen = 0; left.length > 0 && seen < MOST_FOLDERS; seen++) {
      const path = left.shift()!;
      try {
        this.learn(statSync(root + path, { bigint: true }).ino, path);
        for (const e of readdirSync(root + path, { withFileTypes: true })) {
          if (e.isDirectory()) left.push(path === '/' ? `/${e.name}` : `${path}/${e.name}`);
        }
      } catch {
        // It was removed while we looked: it has no processes any more.
      }
    }
  }
}
