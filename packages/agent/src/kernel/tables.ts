import type { RawMap, Run } from '@skep/runtime';
import { offsets } from './layout.ts';

/** An address that a peer's hash stands for. */
export interface PeerAddress {
  /** Textual: `10.0.0.1`, `2001:db8::1`. */
  readonly ip: string;
  /** Of the end that serves; 0 for one that calls. */
  readonly port: number;
}

/** What the kernel counts of what it did not count, by reason. */
export interface Reasons {
  readonly lost: Readonly<Record<string, number>>;
  readonly unseen: Readonly<Record<string, number>>;
}

/** enum l7_loss (probes/l7/loss.h). */
export const LOST = ['format', 'unseen', 'steps', 'header', 'alone', 'scratch', 'open', 'deep'] as const;
/** enum l7_unseen (probes/l7/message.h); the first is no reason. */
export const UNSEEN = [
  'seen',
  'kernel',
  'syscall',
  'descriptor',
  'ended',
  'discarded',
  'unreadable',
  'bypassed',
] as const;

/** What each reason means, for people. */
export const REASON_TEXT: Readonly<Record<string, string>> = {
  format: 'bytes that are no HTTP/1 where a message should begin',
  unseen: 'a header was among bytes that could not be seen',
  steps: 'more messages in one call than are looked at',
  header: 'a header without an end',
  alone: 'a response without a request: the connection is older than the agent',
  scratch: 'no scratch memory on a processor',
  open: 'more of them waited for a response when their connection ended than are counted as failed',
  deep: 'pipelines were deeper than is remembered of all of them',
  kernel: "a kernel thread's or an io_uring worker's",
  syscall:
    'within a call that names no buffer: sendfile, splice, io_uring with buffers that the kernel chooses',
  descriptor: "the call's descriptor is another socket",
  ended: 'after the call that the registers belong to',
  discarded: 'consumed, copied nowhere (MSG_TRUNC)',
  unreadable: "the program's memory was paged out, or the message has too many parts",
  bypassed: 'past the hooks: splice, zero-copy receive, sendfile before Linux 6.5',
};

/** struct l7_control. */
interface Control {
  readonly spanGap: bigint;
  readonly learned: boolean;
  readonly closed: boolean;
  readonly generation: number;
}

/** The maps that the agent and the programs of http-red share. All calls are single system calls. */
export class KernelTables {
  readonly requests: RawMap;
  readonly overflow: RawMap;
  readonly #services: RawMap;
  readonly #routes: RawMap;
  readonly #learned: RawMap;
  readonly #peers: RawMap;
  readonly #controls: RawMap;
  readonly #reasons: RawMap;
  readonly #u32 = [new Uint8Array(4), new Uint8Array(4)] as const;
  readonly #u64 = new Uint8Array(8);
  #control: Control = { spanGap: 0n, learned: false, closed: false, generation: 0 };
  #learnedCount = 0;

  constructor(run: Pick<Run, 'map'>) {
    this.requests = run.map('hist_http_requests');
    this.overflow = run.map('l7_overflow');
    this.#services = run.map('l7_services');
    this.#routes = run.map('l7_routes');
    this.#learned = run.map('http1_learned');
    this.#peers = run.map('l7_peers');
    this.#controls = run.map('l7_controls');
    this.#reasons = run.map('l7_reasons');
  }

  /** Capacities, by what they hold. */
  get capacity(): Readonly<Record<'series' | 'processes' | 'fingerprints' | 'learned' | 'peers', number>> {
    return {
      series: this.requests.map.maxEntries,
      processes: this.#services.map.maxEntries,
      fingerprints: this.#routes.map.maxEntries,
      learned: this.#learned.map.maxEntries,
      peers: this.#peers.map.maxEntries,
    };
  }

  /** From now on this process's requests count as the service's. False when the map is full. */
  setService(pid: number, service: number): boolean {
    const known = this.#put(this.#services, u32(this.#u32[0], pid), u32(this.#u32[1], service));
    if (known) this.#askAgain();
    return known;
  }

  deleteService(pid: number): void {
    if (this.#services.map.delete(u32(this.#u32[0], pid))) this.#askAgain();
  }

  /** Connections remember whose they are until there is a new generation of services. */
  #askAgain(): void {
    this.#setControl({ ...this.#control, generation: (this.#control.generation + 1) >>> 0 });
  }

  /** From now on this fingerprint's requests count as the route's. False when the map is full. */
  setRoute(fingerprint: bigint, route: number): boolean {
    return this.#put(this.#routes, u64(this.#u64, fingerprint), u32(this.#u32[1], route));
  }

  /** The kernel asks anew when it meets the fingerprint again. */
  deleteRoute(fingerprint: bigint): void {
    this.#routes.map.delete(u64(this.#u64, fingerprint));
  }

  /** Segments behind this path hash are parameters from now on. False when the map is full. */
  learn(path: bigint): boolean {
    if (this.#learnedCount >= this.capacity.learned) return false;
    if (!this.#put(this.#learned, u64(this.#u64, path), Uint8Array.of(1))) return false;
    this.#learnedCount++;
    if (!this.#control.learned) this.#setControl({ ...this.#control, learned: true });
    return true;
  }

  unlearn(path: bigint): void {
    if (this.#learned.map.delete(u64(this.#u64, path))) this.#learnedCount--;
  }

  get learnedCount(): number {
    return this.#learnedCount;
  }

  /** Nanoseconds between two spans of the whole machine; 0: the probe's own, all ones: none at all. */
  set spanGap(ns: bigint) {
    if (ns !== this.#control.spanGap) this.#setControl({ ...this.#control, spanGap: ns });
  }

  /** While it is so, no connection is taken up: for the time in which some of the programs are attached and some are not. */
  set closed(closed: boolean) {
    if (closed !== this.#control.closed) this.#setControl({ ...this.#control, closed });
  }

  /** The address behind a peer's hash; undefined when it is not known. */
  peer(hash: bigint): PeerAddress | undefined {
    const value = this.#peers.map.get(u64(this.#u64, hash));
    if (!value) return undefined;
    const at = offsets(this.#peers.value, 'l7_address', ['ip', 'port']);
    const port = new DataView(value.buffer).getUint32(at.port, true);
    return { ip: addressText(value.subarray(at.ip, at.ip + 16)), port };
  }

  deletePeer(hash: bigint): void {
    this.#peers.map.delete(u64(this.#u64, hash));
  }

  /** What was not counted and not seen so far, over all CPUs. */
  reasons(): Reasons {
    const { map, value } = this.#reasons;
    const bytes = map.get(new Uint8Array(4));
    const lost = new Array<number>(LOST.length).fill(0);
    const unseen = new Array<number>(UNSEEN.length).fill(0);
    if (bytes) {
      const at = offsets(value, 'l7_reasons', ['lost', 'unseen']);
      const dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const stride = Math.ceil(map.valueSize / 8) * 8;
      for (let cpu = 0; cpu < bytes.length; cpu += stride) {
        for (let i = 0; i < LOST.length; i++)
          lost[i]! += Number(dv.getBigUint64(cpu + at.lost + i * 8, true));
        for (let i = 0; i < UNSEEN.length; i++)
          unseen[i]! += Number(dv.getBigUint64(cpu + at.unseen + i * 8, true));
      }
    }
    return {
      lost: Object.fromEntries(LOST.map((name, i) => [name, lost[i]!])),
      unseen: Object.fromEntries(UNSEEN.map((name, i) => [name, unseen[i]!] as const).slice(1)),
    };
  }

  #setControl(control: Control): void {
    const { map, value } = this.#controls;
    const at = offsets(value, 'l7_control', ['span_gap', 'learned', 'closed', 'generation']);
    const bytes = new Uint8Array(map.valueSize);
    const dv = new DataView(bytes.buffer);
    dv.setBigUint64(at.span_gap, control.spanGap, true);
    dv.setUint32(at.learned, control.learned ? 1 : 0, true);
    dv.setUint32(at.closed, control.closed ? 1 : 0, true);
    dv.setUint32(at.generation, control.generation, true);
    map.set(new Uint8Array(4), bytes);
    this.#control = control;
  }

  /** A full map is no error: its owner counts it. */
  #put({ map }: RawMap, key: Uint8Array, value: Uint8Array): boolean {
    try {
      map.set(key, value);
      return true;
    } catch (error) {
      const { code, errno } = error as { code?: string; errno?: number };
      if (code === 'SKEP_MAP_OPERATION' && errno === E2BIG) return false;
      throw error;
    }
  }
}

const E2BIG = 7;

function u32(into: Uint8Array, value: number): Uint8Array {
  into[0] = value;
  into[1] = value >>> 8;
  into[2] = value >>> 16;
  into[3] = value >>> 24;
  return into;
}

function u64(into: Uint8Array, value: bigint): Uint8Array {
  new DataView(into.buffer).setBigUint64(0, value, true);
  return into;
}

/** 16 bytes in network order, IPv4 mapped, as text. */
export function addressText(ip: Uint8Array): string {
  const mapped = ip.subarray(0, 10).every((b) => b === 0) && ip[10] === 0xff && ip[11] === 0xff;
  if (mapped) return ip.subarray(12).join('.');
  const words = Array.from({ length: 8 }, (_, i) => (ip[2 * i]! << 8) | ip[2 * i + 1]!);
  const zeros = longestZeros(words);
  const hex = (part: readonly number[]) => part.map((w) => w.toString(16)).join(':');
  if (zeros.length < 2) return hex(words);
  return `${hex(words.slice(0, zeros.at))}::${hex(words.slice(zeros.at + zeros.length))}`;
}

function longestZeros(words: readonly number[]): { at: number; length: number } {
  let best = { at: 0, length: 0 };
  for (let at = 0; at < words.length; at++) {
    let length = 0;
    while (at + length < words.length && words[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
  }
  return best;
}
