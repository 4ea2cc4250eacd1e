import { type Dir, opendirSync, readlinkSync } from 'node:fs';
import type { Host } from '../host/host.ts';

/** The sockets that a process has open. */
export interface OpenSockets {
  inodes: ReadonlySet<number>;
  /** It has more descriptors than were looked at. */
  truncated: boolean;
}

/**
 * The inodes of a process's sockets, from its lowest `most` descriptors: what listens was opened early. The kernel lists them in
 * that order; readdir would read all of them, and sort them as words.
 */
export function readSockets(host: Host, pid: number, most = 4_096): OpenSockets {
  const path = `${host.proc}/${pid}/fd`;
  const inodes = new Set<number>();
  let truncated = false;
  let dir: Dir | undefined;
  try {
    dir = opendirSync(path, { bufferSize: 256 });
    for (let n = 0, entry = dir.readSync(); entry !== null && !truncated; entry = dir.readSync()) {
      if (n++ === most) truncated = true;
      else addSocket(inodes, `${path}/${entry.name}`);
    }
  } catch {
    // it has ended, or is not ours to see
  } finally {
    dir?.closeSync();
  }
  return { inodes, truncated };
}

function addSocket(inodes: Set<number>, descriptor: string): void {
  try {
    const link = readlinkSync(descriptor);
    if (link.startsWith('socket:[')) inodes.add(Number(link.slice(8, -1)));
  } catch {
    // closed since it was listed
  }
}
