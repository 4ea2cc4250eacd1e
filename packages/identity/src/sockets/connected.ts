import type { Host } from '../host/host.ts';
import { readSockets } from './owners.ts';
import { readConnected } from './table.ts';

/** A process, and the inode of its network namespace. */
export interface InNamespace {
  readonly pid: number;
  readonly netns: number;
}

/**
 * Who of some processes is connected to certain ports, anywhere. Descriptors are looked through only when there is such a
 * connection whose owner is not known yet.
 */
export class ConnectedTo {
  readonly #host: Host;
  readonly #ports: ReadonlySet<number>;
  /** By inode; empty for a connection of nobody that was asked about. */
  #owners = new Map<number, readonly number[]>();

  constructor(host: Host, ports: Iterable<number>) {
    this.#host = host;
    this.#ports = new Set(ports);
  }

  /** Those that are connected now. Gives way to the event loop every few milliseconds and between processes. */
  async among(processes: Iterable<InNamespace>): Promise<ReadonlySet<number>> {
    const byNetns = new Map<number, number[]>();
    for (const { pid, netns } of processes) {
      const pids = byNetns.get(netns);
      if (pids) pids.push(pid);
      else byNetns.set(netns, [pid]);
    }
    const owners = new Map<number, readonly number[]>();
    for (const pids of byNetns.values()) {
      const inodes = await readConnected(this.#host, pids[0]!, this.#ports);
      const known = inodes.filter((inode) => this.#owners.has(inode));
      for (const inode of known) owners.set(inode, this.#owners.get(inode)!);
      if (known.length < inodes.length) await this.#claim(pids, inodes, owners);
    }
    this.#owners = owners;
    return new Set([...owners.values()].flat());
  }

  async #claim(
    pids: readonly number[],
    inodes: readonly number[],
    owners: Map<number, readonly number[]>,
  ): Promise<void> {
    for (const inode of inodes) owners.set(inode, []);
    for (const pid of pids) {
      for (const inode of readSockets(this.#host, pid).inodes)
        if (owners.has(inode)) owners.set(inode, [...owners.get(inode)!, pid]);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
