import type { Run } from '@skep/runtime';
import { ERRORS, METHODS, ROLES, type Role } from '../kernel/key.ts';
import { offsets } from '../kernel/layout.ts';
import { addressText } from '../kernel/tables.ts';

/** Why a span was taken: enum span_reason. */
export const SPAN_REASONS = ['error', 'slow', 'sample'] as const;

/** A struct http_span, as it came. */
export interface KernelSpan {
  /** Kernel clock, nanoseconds. */
  readonly start: bigint;
  /** Nanoseconds. */
  readonly duration: bigint;
  readonly route: bigint;
  readonly path: bigint;
  readonly peer: bigint;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly pid: number;
  readonly service: number;
  /** The server's; 0 of a Unix socket. */
  readonly port: number;
  readonly status: number;
  readonly role: Role;
  readonly method: string;
  readonly error: string;
  readonly reason: (typeof SPAN_REASONS)[number];
  readonly localAddress: string;
  readonly peerAddress: string;
  readonly localPort: number;
  readonly peerPort: number;
  /** The caller's trace context, where the request carried one. */
  readonly parent: { readonly traceId: string; readonly spanId: string; readonly flags: number } | undefined;
}

type View = { readonly u8: Uint8Array; readonly dv: DataView };

/** Reads records of print_http_spans. */
export function spanReader(run: Pick<Run, 'map'>): (view: View, at: number) => KernelSpan {
  const o = offsets(run.map('print_http_spans').value, 'http_span', [
    'start',
    'duration',
    'route',
    'path',
    'peer',
    'request_bytes',
    'response_bytes',
    'pid',
    'service',
    'port',
    'status',
    'role',
    'method',
    'error',
    'reason',
    'local_address',
    'peer_address',
    'local_port',
    'peer_port',
    'traced',
    'trace_flags',
    'parent_id',
    'trace_id',
  ]);
  return ({ u8, dv }, at) => {
    const u64 = (offset: number) => dv.getBigUint64(at + offset, true);
    const u32 = (offset: number) => dv.getUint32(at + offset, true);
    const u16 = (offset: number) => dv.getUint16(at + offset, true);
    const address = (offset: number) => addressText(u8.subarray(at + offset, at + offset + 16));
    return {
      start: u64(o.start),
      duration: u64(o.duration),
      route: u64(o.route),
      path: u64(o.path),
      peer: u64(o.peer),
      requestBytes: Number(u64(o.request_bytes)),
      responseBytes: Number(u64(o.response_bytes)),
      pid: u32(o.pid),
      service: u32(o.service),
      port: u16(o.port),
      status: u16(o.status),
      role: ROLES[u32(o.role)] ?? 'unknown',
      method: METHODS[u32(o.method)] ?? METHODS[0],
      error: ERRORS[u32(o.error)] ?? '',
      reason: SPAN_REASONS[u32(o.reason)] ?? 'sample',
      localAddress: address(o.local_address),
      peerAddress: address(o.peer_address),
      localPort: u16(o.local_port),
      peerPort: u16(o.peer_port),
      parent:
        u8[at + o.traced] === 1
          ? parentOf(u8, at + o.trace_id, at + o.parent_id, at + o.trace_flags)
          : undefined,
    };
  };
}

/** Ids of zeros are none, says W3C Trace Context: then the request begins a trace. */
function parentOf(u8: Uint8Array, trace: number, span: number, flags: number): KernelSpan['parent'] {
  const [traceId, spanId] = [hex(u8, trace, 16), hex(u8, span, 8)];
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, flags: u8[flags]! };
}

function hex(u8: Uint8Array, from: number, bytes: number): string {
  let text = '';
  for (let i = from; i < from + bytes; i++) text += u8[i]!.toString(16).padStart(2, '0');
  return text;
}
