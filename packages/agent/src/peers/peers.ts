import { PEER_ADDRESS, PEER_SERVICE, peerKind, peerService, RAW_PROCESS } from '../kernel/key.ts';
import type { KernelTables, PeerAddress } from '../kernel/tables.ts';
import { dropOldest } from '../oldest.ts';
import type { Processes } from '../services/processes.ts';
import type { Service } from '../services/service.ts';
import type { Services } from '../services/services.ts';

/** Who is at the other end: a service of this machine, an address, or neither is known. */
export interface Peer {
  readonly service?: Service;
  readonly address?: PeerAddress;
  /** Tells it from others. */
  readonly key: string;
}

export const NOBODY: Peer = { key: '' };
/** One of too many to be told apart. */
export const OTHER_PEER: Peer = { key: '*' };

/** Addresses that are remembered; the kernel keeps half as many. */
const MOST = 16_384;
/** Addresses that the kernel may keep of those it has room for; what it has beyond goes, oldest first. */
const SHARE = 0.75;

/** Names the other ends of connections. */
export class Peers {
  readonly #tables: Pick<KernelTables, 'peer' | 'deletePeer' | 'capacity'>;
  readonly #services: Services;
  readonly #processes: Processes;
  /** By hash; undefined for a hash whose address is not known. */
  readonly #addresses = new Map<bigint, Peer>();
  /** Hashes that are in the kernel's map as far as is known, oldest first. */
  readonly #inKernel = new Set<bigint>();

  constructor(
    tables: Pick<KernelTables, 'peer' | 'deletePeer' | 'capacity'>,
    services: Services,
    processes: Processes,
  ) {
    this.#tables = tables;
    this.#services = services;
    this.#processes = processes;
  }

  get size(): number {
    return this.#inKernel.size;
  }

  /** Who `peer` of a series or span is. */
  of(peer: bigint): Peer {
    const kind = peerKind(peer);
    if (kind === PEER_SERVICE) {
      const number = peerService(peer);
      const service =
        number >= RAW_PROCESS ? this.#processes.serviceOf(number - RAW_PROCESS) : this.#services.byId(number);
      return service ? { service, key: `s${service.id}` } : NOBODY;
    }
    if (kind === PEER_ADDRESS) return this.#address(peer);
    return kind === 0 ? NOBODY : OTHER_PEER;
  }

  #address(hash: bigint): Peer {
    const known = this.#addresses.get(hash);
    if (known) return known;
    const address = this.#tables.peer(hash);
    if (!address) return OTHER_PEER;
    const peer = { address, key: `${address.ip}:${address.port}` };
    this.#addresses.set(hash, peer);
    dropOldest(this.#addresses, MOST);
    this.#inKernel.add(hash);
    dropOldest(this.#inKernel, this.#tables.capacity.peers * SHARE, (oldest) => {
      this.#inKernel.delete(oldest);
      this.#tables.deletePeer(oldest);
    });
    return peer;
  }
}
