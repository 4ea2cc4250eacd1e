import type { RawMap } from '@skep/runtime';
import { keyOffsets } from './layout.ts';

/** enum http_role. */
export const ROLES = ['unknown', 'server', 'client'] as const;
export type Role = (typeof ROLES)[number];

/** enum http_method; what it does not list is `_OTHER`, as OpenTelemetry has it. */
export const METHODS = [
  '_OTHER',
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
] as const;

/** enum http_error; the first is none. */
export const ERRORS = ['', 'reset', 'timeout', 'closed'] as const;

/** A bit of a service's number: the rest is the id of a process that no service has been put to. */
export const RAW_PROCESS = 0x8000_0000;
/** The service's number of the agent's own Unix sockets (L7_SELF). */
export const SELF = 0x7fff_ffff;

/** struct http_series, as numbers. */
export interface KernelKey {
  /** A route's number, or a fingerprint. */
  readonly route: bigint;
  /** Its highest byte says what the rest is: see PEER_*. */
  readonly peer: bigint;
  /** The process at the other end, where no service has been put to it; 0 where it is none. */
  readonly peerProcess: number;
  /** A service's number, or {@link RAW_PROCESS} and a process's id. */
  readonly service: number;
  readonly port: number;
  readonly status: number;
  readonly role: number;
  readonly method: number;
  readonly error: number;
}

export const PEER_SERVICE = 1;
export const PEER_ADDRESS = 2;

/** What kind of peer it is: {@link PEER_SERVICE}, {@link PEER_ADDRESS}, 3 for one too many, 0 for nobody known. */
export const peerKind = (peer: bigint): number => Number(peer >> 56n);
export const peerService = (peer: bigint): number => Number(peer & 0xffff_ffffn);

function peerProcess(peer: bigint): number {
  if (peerKind(peer) !== PEER_SERVICE) return 0;
  return Math.max(0, peerService(peer) - RAW_PROCESS);
}

/** Whether it is a fingerprint: numbers of routes have 32 bits. */
export const isFingerprint = (route: bigint): boolean => route > 0xffff_ffffn;

/** Reads keys of hist_http_requests. */
export function keyReader(requests: RawMap): (dv: DataView, at: number) => KernelKey {
  const o = keyOffsets(requests, 'http_series', [
    'route',
    'peer',
    'service',
    'port',
    'status',
    'role',
    'method',
    'error',
  ]);
  return (dv, at) => ({
    route: dv.getBigUint64(at + o.route, true),
    peer: dv.getBigUint64(at + o.peer, true),
    peerProcess: peerProcess(dv.getBigUint64(at + o.peer, true)),
    service: dv.getUint32(at + o.service, true),
    port: dv.getUint16(at + o.port, true),
    status: dv.getUint16(at + o.status, true),
    role: dv.getUint32(at + o.role, true),
    method: dv.getUint32(at + o.method, true),
    error: dv.getUint32(at + o.error, true),
  });
}

/** Reads indices of l7_overflow: what found no room, by role. */
export function overflowKey(dv: DataView, at: number): KernelKey {
  const role = dv.getUint32(at, true);
  return { route: 0n, peer: 0n, peerProcess: 0, service: 0, port: 0, status: 0, role, method: 0, error: 0 };
}
