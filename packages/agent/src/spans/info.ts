import type { Span } from './spans.ts';

/** A span as people and `-o json` see it. */
export interface SpanInfo {
  /** RFC 3339, microseconds. */
  readonly time: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly service: string;
  readonly namespace?: string;
  readonly role: string;
  readonly method: string;
  readonly route: string;
  /** Absent when there was no response. */
  readonly status?: number;
  readonly error?: string;
  readonly durationMs: number;
  readonly reason: string;
  /** A service of this machine, else an address. */
  readonly peer?: string;
  readonly pid: number;
  readonly port?: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

export function spanInfo(span: Span): SpanInfo {
  const micros = span.start / 1000n;
  const time = new Date(Number(micros / 1000n)).toISOString().slice(0, -1);
  return {
    time: `${time}${String(micros % 1000n).padStart(3, '0')}Z`,
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    service: span.service.name,
    namespace: span.service.namespace,
    role: span.role,
    method: span.method,
    route: span.route,
    status: span.status === 0 ? undefined : span.status,
    error: span.errorType || undefined,
    durationMs: Number(span.duration) / 1e6,
    reason: span.reason,
    // Metrics may not tell callers apart; a span knows its own.
    peer: span.peer.service?.name ?? (span.port === 0 ? undefined : span.peerAddress),
    pid: span.pid,
    port: span.port === 0 ? undefined : span.port,
    requestBytes: span.requestBytes,
    responseBytes: span.responseBytes,
  };
}
