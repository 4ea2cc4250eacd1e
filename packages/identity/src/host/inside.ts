import { closeSync, constants, fstatSync, openSync, readlinkSync } from 'node:fs';

/** Linux's O_PATH, which Node has no name for; the same number on x86-64 and arm64. */
export const O_PATH = 0o10000000;
const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY, O_RDONLY } = constants;
const MOST_LINKS = 40;
const MOST_STEPS = 256;

/** Says no to a file system that must not be asked (see Mounts.isLocal). */
export type Judge = (fd: number) => boolean;

/**
 * Opens a regular file (or a folder) under a foreign root as a process chrooted there would: `..` ends at the root, symbolic links
 * are read and followed inside it, one step at a time from open folders, so that nothing which is exchanged meanwhile
 * leads outside. (openat2 with RESOLVE_IN_ROOT is what this is; Node does not have it.) FIFOs, devices and sockets are
 * never opened.
 *
 * @param root a folder, such as /proc/PID/root
 * @param path as seen inside
 * @param want a folder comes as a descriptor by O_PATH
 * @returns a descriptor to close, or undefined
 */
export function openInside(
  root: string,
  path: string,
  judge?: Judge,
  want: 'file' | 'folder' = 'file',
): number | undefined {
  const folders: number[] = [];
  try {
    folders.push(openSync(root, O_PATH | O_DIRECTORY));
    // Asked before a name is looked up in it.
    if (judge !== undefined && !judge(folders[0]!)) return undefined;
    const steps = path.split('/').reverse();
    let links = 0;
    for (let taken = 0; steps.length > 0; taken++) {
      if (taken > MOST_STEPS) return undefined;
      const step = steps.pop()!;
      if (step === '' || step === '.') continue;
      if (step === '..') {
        if (folders.length > 1) closeSync(folders.pop()!);
        continue;
      }
      if (step.includes('\0')) return undefined;
      const place = `/proc/self/fd/${folders.at(-1)}/${step}`;
      const fd = openSync(place, O_PATH | O_NOFOLLOW);
      let keep = false;
      try {
        if (judge !== undefined && !judge(fd)) return undefined;
        const stat = fstatSync(fd);
        if (stat.isSymbolicLink()) {
          if (++links > MOST_LINKS) return undefined;
          const target = readlinkSync(place);
          if (target.startsWith('/')) while (folders.length > 1) closeSync(folders.pop()!);
          steps.push(...target.split('/').reverse());
        } else if (stat.isDirectory()) {
          folders.push(fd);
          keep = true;
        } else if (stat.isFile() && want === 'file' && steps.every((s) => s === '')) {
          return openSync(`/proc/self/fd/${fd}`, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        } else {
          return undefined;
        }
      } finally {
        if (!keep) closeSync(fd);
      }
    }
    return want === 'folder' ? folders.pop() : undefined;
  } catch {
    return undefined; // absent, forbidden, or the process has ended
  } finally {
    for (const fd of folders) closeSync(fd);
  }
}

/** Opens what a magic link of the kernel (/proc/PID/exe) stands for, if it is a regular file of a local file system. */
export function openMagic(link: string, judge?: Judge): number | undefined {
  let fd: number;
  try {
    fd = openSync(link, O_PATH);
  } catch {
    return undefined; // a kernel thread, a process that has ended, or one we may not look at
  }
  try {
    if ((judge !== undefined && !judge(fd)) || !fstatSync(fd).isFile()) return undefined;
    return openSync(`/proc/self/fd/${fd}`, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    return undefined; // as above
  } finally {
    closeSync(fd);
  }
}
