/** What a run of http-red has in its maps: beside its metrics the bytes of bodies, and what was lost and why. */
import type { Run } from '@skep/runtime';

/** What was exchanged under a method and a status: how often, and the bytes of the bodies. */
export interface Count {
  requests: number;
  requestBytes: number;
  responseBytes: number;
}

/** By end, as `PID server` or `PID client`, and by `METHOD STATUS`. */
export type Counts = Map<string, Record<string, Count>>;

const METHODS = ['OTHER', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];
const ROLES = ['', 'server', 'client'];

/** What a run has counted. */
export function counted(run: Run): Counts {
  const { map } = run.map('hist_http_requests');
  const ends: Counts = new Map();
  for (const [key, value] of map.entries()) {
    const [k, v] = [new DataView(key.buffer, key.byteOffset), new DataView(value.buffer, value.byteOffset)];
    // struct http_series and struct http_counts of probes/l7/series.h.
    const end = `${k.getUint32(16, true) - 2 ** 31} ${ROLES[k.getUint32(24, true)]}`;
    const error = k.getUint32(32, true);
    const name = `${METHODS[k.getUint32(28, true)]} ${k.getUint16(22, true)}${error ? ` error ${error}` : ''}`;
    const counts = ends.get(end) ?? {};
    ends.set(end, counts);
    counts[name] ??= { requests: 0, requestBytes: 0, responseBytes: 0 };
    counts[name].requests += requestsIn(v);
    counts[name].requestBytes += Number(v.getBigUint64(1032, true));
    counts[name].responseBytes += Number(v.getBigUint64(1040, true));
  }
  return ends;
}

/** L7_LOST_* of enum l7_loss, probes/l7/loss.h. */
export const Lost = { format: 0, alone: 4, deep: 7 } as const;

/** In a struct http_counts: those of all its slots. */
function requestsIn(counts: DataView): number {
  let sum = 0;
  for (let slot = 0; slot < 256; slot++) sum += counts.getUint32(4 * slot, true);
  return sum;
}

/** All that a run says of what it did not count as it came: by reason, missed runs, and what found no series. In words. */
export function uncounted(run: Run): string {
  const reasons = Array.from({ length: 8 }, (_, reason) => lostFor(run, reason));
  const { missed } = run.stats();
  const { map } = run.map('l7_overflow');
  const overflown = [...map.entries()].reduce(
    (sum, [, bytes]) => sum + requestsIn(new DataView(bytes.buffer, bytes.byteOffset)),
    0,
  );
  const runs = missed.filter(({ count }) => count > 0).map(({ program, count }) => `${program} ${count}`);
  return `lost by enum l7_loss ${reasons.join(' ')}; runs missed: ${runs.join(', ') || 'none'}; without a series ${overflown}`;
}

/** Requests and responses that were lost for a reason, on all processors. */
export function lostFor(run: Run, reason: number): number {
  const { map } = run.map('l7_reasons');
  const bytes = map.get(new Uint8Array(4))!;
  const counters = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let sum = 0;
  for (let cpu = 0; cpu < bytes.length; cpu += map.valueSize)
    sum += Number(counters.getBigUint64(cpu + 8 * reason, true));
  return sum;
}
