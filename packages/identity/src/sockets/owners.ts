import { readdirSync, readlinkSync } from 'node:fs';
import type { Host } from '../host/host.ts';

/** The sockets that a process has open. */
export interface OpenSockets {
  inodes: ReadonlySet<number>;
  /** It has more descriptors than were looked at. */
  truncated: boolean;
}

/** The inodes of a process's sockets, from its lowest `most` descriptors: what listens was opened early. */
export function readSockets(host: Host, pid: number, most = 4_096): OpenSockets {
  const dir = `${host.proc}/${pid}/fd`;
  const inodes = new Set<number>();
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch {
    return { inodes, truncated: false }; // it has ended, or is not ours to see
  }
  for (const name of names.slice(0, most)) {
    try {
      const link = readlinkSync(`${dir}/${name}`);
      if (link.startsWith('socket:[')) inodes.add(Number(link.slice(8, -1)));
    } catch {
      // closed since the list was made
    }
  }
  return { inodes, truncated: names.length > most };
}
