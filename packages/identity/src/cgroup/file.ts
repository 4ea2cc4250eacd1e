import { Shared } from '../shared.ts';

/** Where a process is in the cgroup hierarchies. Paths are relative to the reader's cgroup namespace. */
export interface CgroupPaths {
  /** In v2, or in the v2 part of a hybrid machine. */
  readonly v2?: string;
  /** By v1 controller: `memory`, `cpu`, `name=systemd`. */
  readonly v1: Readonly<Record<string, string>>;
}

/** Of a process that is in no v1 hierarchy. */
export const NO_V1: Readonly<Record<string, string>> = Object.freeze({});

const shared = new Shared<CgroupPaths>();

/** Reads /proc/PID/cgroup: lines of `ID:CONTROLLERS:PATH`. Of a removed cgroup, the path it had. */
export function parseCgroupFile(text: string): CgroupPaths {
  return shared.of(text, parse);
}

function parse(text: string): CgroupPaths {
  let v2: string | undefined;
  let v1: Record<string, string> | undefined;
  for (const line of text.split('\n')) {
    const first = line.indexOf(':');
    const second = line.indexOf(':', first + 1);
    if (first < 1 || second < 0) continue;
    const controllers = line.slice(first + 1, second);
    const path = line.slice(second + 1).replace(/ \(deleted\)$/, '');
    if (!path.startsWith('/')) continue;
    if (controllers === '') {
      if (line.startsWith('0:')) v2 = path;
      continue;
    }
    v1 ??= {};
    for (const name of controllers.startsWith('name=') ? [controllers] : controllers.split(','))
      v1[name] = path;
  }
  return { v2, v1: v1 ?? NO_V1 };
}

/**
 * The paths worth asking about, best first, each once: v2, systemd's own hierarchy, then the controllers that every
 * engine uses. On a hybrid machine only some of them may know of the container.
 */
export function pathsInOrder(paths: CgroupPaths): string[] {
  const found = [paths.v2, paths.v1['name=systemd'], paths.v1.memory, paths.v1.pids, paths.v1.cpu];
  const rest = Object.values(paths.v1);
  return [...new Set([...found, ...rest])].filter((p): p is string => p !== undefined && p !== '/');
}
