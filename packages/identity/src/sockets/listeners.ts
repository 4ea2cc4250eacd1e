import type { Host } from '../host/host.ts';
import { listPids } from '../host/pids.ts';
import { isLoopback, normalAddress } from './address.ts';
import { readLocalAddresses } from './local.ts';
import { readSockets } from './owners.ts';
import { pauser } from './pauser.ts';
import { type Listening, readListening } from './table.ts';

/** A listening socket, its network namespace, and who has it open. */
export interface Listener extends Listening {
  /** Inode of the network namespace. */
  netns: number;
  /** Processes that hold it, lowest pid first; init last, since it holds sockets for others (socket activation). */
  pids: readonly number[];
}

interface Namespace {
  listening: readonly Listening[];
  addresses: ReadonlySet<string>;
}

const MOST_NAMESPACES = 2_048;

/**
 * Who answers at a local address: an index of listening sockets by network namespace, address and port. `refresh` looks
 * at everything once and afterwards only at what is new; `update` follows one process. A connection that is redirected
 * on its way (a Kubernetes service's address, a port that docker publishes) is not found, or leads to the proxy.
 *
 * @example
 * const listeners = new Listeners(new Host());
 * await listeners.refresh();
 * listeners.at('127.0.0.1', 5432)?.pids; // [812]
 */
export class Listeners {
  readonly #host: Host;
  readonly #namespaces = new Map<number, Namespace>();
  /** By inode, which no two sockets of a machine share. */
  readonly #owners = new Map<number, Set<number>>();
  readonly #byPid = new Map<number, Set<number>>();
  readonly #truncated = new Set<number>();
  /** Sockets that no process shows, though all were asked: nobody is asked again because of them. */
  #ownerless = new Set<number>();
  #ownNetns: number | undefined;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Processes with more descriptors than are looked at: their sockets may be missing. */
  get truncated(): ReadonlySet<number> {
    return this.#truncated;
  }

  /**
   * Reads the tables of all network namespaces, each once, and the descriptors of processes while there are sockets
   * whose owner is not known; who gets a known socket later (a new worker) is found by `update`. Gives way to the event
   * loop every few milliseconds.
   *
   * @throws IdentityError SKEP_PROC_UNAVAILABLE
   */
  async refresh(): Promise<void> {
    const host = this.#host;
    const pids = listPids(host);
    const alive = new Set(pids);
    for (const pid of this.#byPid.keys()) if (!alive.has(pid)) this.remove(pid);
    const pause = pauser();
    const seen = new Set<number>();
    for (const pid of pids) {
      const netns = netnsOf(host, pid);
      if (netns === undefined || seen.has(netns) || seen.size >= MOST_NAMESPACES) continue;
      seen.add(netns);
      this.#read(netns, pid);
      await pause();
    }
    for (const netns of this.#namespaces.keys()) if (!seen.has(netns)) this.#namespaces.delete(netns);
    const listening = this.#inodes();
    for (const inode of this.#owners.keys()) if (!listening.has(inode)) this.#forget(inode);
    const orphans = () => [...listening].filter((inode) => !this.#owners.get(inode)?.size);
    if (orphans().every((inode) => this.#ownerless.has(inode))) return;
    for (const pid of pids) {
      this.#claim(pid, listening);
      await pause();
    }
    this.#ownerless = new Set(orphans());
  }

  /** Looks at one process again, after it has begun, or begun to listen. Its namespace's table is read with it. */
  update(pid: number): void {
    const netns = netnsOf(this.#host, pid);
    if (netns === undefined) {
      this.remove(pid);
      return;
    }
    if (this.#namespaces.size < MOST_NAMESPACES || this.#namespaces.has(netns)) this.#read(netns, pid);
    this.remove(pid);
    this.#claim(pid, this.#inodes());
  }

  /** A process has ended. */
  remove(pid: number): void {
    for (const inode of this.#byPid.get(pid) ?? []) this.#owners.get(inode)?.delete(pid);
    this.#byPid.delete(pid);
    this.#truncated.delete(pid);
  }

  /** What a process listens on, TCP and Unix. */
  of(pid: number): Listener[] {
    const mine = this.#byPid.get(pid);
    return mine === undefined ? [] : this.all().filter((l) => mine.has(l.inode));
  }

  /** Everything that listens on the machine. */
  all(): Listener[] {
    return [...this.#namespaces].flatMap(([netns, { listening }]) =>
      listening.map((l) => this.#listener(netns, l)),
    );
  }

  /**
   * The socket that takes a TCP connection to this address, if it is on this machine.
   *
   * @param from the namespace of whoever connects; default: our own. Loopback means this one. Another address is looked
   * for here first, then wherever it belongs; when two namespaces have it, nothing is said.
   */
  at(address: string, port: number, from: number | undefined = this.#own()): Listener | undefined {
    const wanted = normalAddress(address);
    const here = from === undefined ? undefined : this.#namespaces.get(from);
    if (isLoopback(wanted)) return here && this.#in(from!, here, wanted, port);
    if (here?.addresses.has(wanted)) return this.#in(from!, here, wanted, port);
    const found = [...this.#namespaces]
      .filter(([, n]) => n.addresses.has(wanted))
      .map(([netns, n]) => this.#in(netns, n, wanted, port))
      .filter((l) => l !== undefined);
    return found.length === 1 ? found[0] : undefined;
  }

  /** The listening Unix socket with this path, in a namespace. */
  atPath(path: string, from: number | undefined = this.#own()): Listener | undefined {
    const here = from === undefined ? undefined : this.#namespaces.get(from);
    const found = here?.listening.find((l) => l.protocol === 'unix' && l.address === path && path !== '');
    return found && this.#listener(from!, found);
  }

  /** An exact address before a wildcard, as the kernel chooses. */
  #in(netns: number, { listening }: Namespace, address: string, port: number): Listener | undefined {
    const ports = listening.filter((l) => l.protocol === 'tcp' && l.port === port);
    const wildcard = address.includes(':') ? undefined : ports.find((l) => l.address === '0.0.0.0');
    const found =
      ports.find((l) => l.address === address) ?? wildcard ?? ports.find((l) => l.address === '::');
    return found && this.#listener(netns, found);
  }

  #listener(netns: number, listening: Listening): Listener {
    const pids = [...(this.#owners.get(listening.inode) ?? [])].sort(
      (a, b) => Number(a === 1) - Number(b === 1) || a - b,
    );
    return { ...listening, netns, pids };
  }

  #read(netns: number, pid: number): void {
    const addresses = readLocalAddresses(this.#host, pid);
    this.#namespaces.set(netns, { listening: readListening(this.#host, pid), addresses });
  }

  #claim(pid: number, listening: ReadonlySet<number>): void {
    const { inodes, truncated } = readSockets(this.#host, pid);
    const mine = new Set([...inodes].filter((i) => listening.has(i)));
    if (truncated) this.#truncated.add(pid);
    if (mine.size > 0) this.#byPid.set(pid, mine);
    for (const inode of mine) {
      const owners = this.#owners.get(inode) ?? new Set();
      this.#owners.set(inode, owners.add(pid));
    }
  }

  #forget(inode: number): void {
    for (const pid of this.#owners.get(inode) ?? []) this.#byPid.get(pid)?.delete(inode);
    this.#owners.delete(inode);
  }

  #inodes(): Set<number> {
    const found = new Set<number>();
    for (const { listening } of this.#namespaces.values()) for (const l of listening) found.add(l.inode);
    return found;
  }

  #own(): number | undefined {
    this.#ownNetns ??= netnsOf(this.#host, process.pid);
    return this.#ownNetns;
  }
}

function netnsOf(host: Host, pid: number): number | undefined {
  const inode = Number(/\[(\d+)\]$/.exec(host.procLink(pid, 'ns/net') ?? '')?.[1]);
  return inode > 0 ? inode : undefined;
}
