import type { Delta } from '../kernel/counts.ts';
import type { Role } from '../kernel/key.ts';
import { BUCKET_OF_SLOT, BUCKETS } from '../latency.ts';
import type { Peer } from '../peers/peers.ts';
import type { Service } from '../services/service.ts';

/** What tells one series from another. */
export interface Labels {
  /** Undefined for what the kernel had no room to tell apart. */
  readonly service: Service | undefined;
  readonly role: Role;
  readonly method: string;
  readonly route: string;
  /** 0: there was no response. */
  readonly status: number;
  /** `reset`, `timeout`, `closed`; empty where there was a response. */
  readonly error: string;
  readonly port: number;
  readonly peer: Peer;
  /** Collects what came after the cap, or found no room in the kernel. */
  readonly overflow: boolean;
}

/** Requests of one label set since the agent began. */
export class Series {
  readonly labels: Labels;
  /** By bucket of latency.ts, not cumulative. */
  readonly buckets = new Float64Array(BUCKETS);
  count = 0;
  /** Nanoseconds. */
  sum = 0;
  requestBytes = 0;
  responseBytes = 0;
  /** When it last counted, milliseconds of the agent's clock. */
  changedAt: number;
  /** Since when it counts, nanoseconds since 1970: OTLP wants to know. Nothing of it is older. */
  startedAt: bigint;
  /** Entries of the kernel that count here. */
  sources = 0;

  /** @param startedMs milliseconds since 1970 */
  constructor(labels: Labels, now: number, startedMs: number = Date.now()) {
    this.labels = labels;
    this.changedAt = now;
    this.startedAt = BigInt(Math.round(startedMs)) * 1_000_000n;
  }

  /** {@link startedAt}, never after `time`. A clock that was put back moves it once: one that moves each time is a reset each time. */
  startedBy(time: bigint): bigint {
    if (this.startedAt > time) this.startedAt = time;
    return this.startedAt;
  }

  add(delta: Delta, now: number): void {
    const { slots } = delta;
    for (let i = 0; i < slots.length; i += 2) this.buckets[BUCKET_OF_SLOT[slots[i]!]!]! += slots[i + 1]!;
    this.count += delta.requests;
    this.sum += delta.sum;
    this.requestBytes += delta.requestBytes;
    this.responseBytes += delta.responseBytes;
    this.changedAt = now;
  }
}

/** What OpenTelemetry calls `error.type`: a status that is an error to this side, or why there was none. Empty: no error. */
export function errorType({ role, status, error }: Pick<Labels, 'role' | 'status' | 'error'>): string {
  if (status === 0) return error || '_OTHER';
  if (status >= 500 || (status >= 400 && role === 'client')) return String(status);
  return error;
}
