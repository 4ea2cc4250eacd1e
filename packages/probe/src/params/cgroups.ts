import { readFileSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Of cgroup2, as statfs(2) gives it: CGROUP2_SUPER_MAGIC of linux/magic.h. */
const CGROUP2 = 0x63677270;

/**
 * The id of the cgroup of that folder: in cgroup2 a folder's inode. The folder may be written whole, or from the root
 * of the hierarchy as in /proc/PID/cgroup.
 */
export function cgroupId(text: string): bigint | undefined {
  return folders(text).map(idOf).find(Boolean);
}

/** Why that folder is no cgroup, where it is something else. */
export function cgroupWhy(text: string): string | undefined {
  if (!text.startsWith('/')) return undefined;
  const [mount] = mounts();
  if (mount === undefined)
    return 'No cgroup2 is mounted here: mount -t cgroup2 none DIR makes its ids known.';
  if (!isFolder(text)) return `There is no folder ${text}, nor ${join(mount, text)}.`;
  return `${text} lies outside of cgroup2, which is mounted on ${mount}.`;
}

function folders(text: string): string[] {
  return text.startsWith('/') ? [text, ...mounts().map((mount) => join(mount, text))] : [];
}

function idOf(path: string): bigint | undefined {
  try {
    if (!isFolder(path) || statfsSync(path).type !== CGROUP2) return undefined;
    return statSync(path, { bigint: true }).ino;
  } catch {
    // Gone meanwhile: no cgroup.
    return undefined;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Where cgroup2 is mounted: at /sys/fs/cgroup, or below it beside the first version. */
function mounts(): string[] {
  const lines = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return lines.flatMap((line) => {
    const [, where, type] = line.split(' ');
    return type === 'cgroup2' && where ? [where] : [];
  });
}
