import type { Attributes, SpanData } from '@skep/runtime/otlp';
import type { Span } from '../spans/spans.ts';
import type { Resources } from './resources.ts';

/** No request line has this method; OpenTelemetry's word for those that it does not list. */
const OTHER = '_OTHER';
const BILLION = 1_000_000_000n;

/**
 * A span by OpenTelemetry's semantic conventions for HTTP.
 *
 * Source: https://opentelemetry.io/docs/specs/semconv/http/http-spans/
 */
export function spanData(span: Span, resources: Resources): SpanData {
  const server = span.role === 'server';
  const method = span.method === OTHER ? 'HTTP' : span.method;
  const { start, duration } = span;
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    parentIsRemote: span.parentSpanId === undefined ? undefined : server,
    name: span.route === '' || span.route === '*' ? method : `${method} ${span.route}`,
    kind: server ? 'server' : 'client',
    start: time(start),
    end: time(start + duration),
    status: span.errorType === '' ? undefined : { code: 'error' },
    attributes: attributes(span, server),
    resource: resources.process(span.identity, span.service),
  };
}

function attributes(span: Span, server: boolean): Attributes {
  const { peer } = span;
  const unix = span.port === 0;
  const fixed = span.route.startsWith('/') && !/[{*]/.test(span.route);
  return {
    'http.request.method': span.method,
    'http.response.status_code': span.status === 0 ? undefined : span.status,
    'http.route': server ? span.route || undefined : undefined,
    'url.template': server ? undefined : span.route || undefined,
    'url.scheme': 'http',
    'url.path': fixed && server ? span.route : undefined,
    'url.full': fixed && !server && !unix ? urlOf(span) : undefined,
    'server.address': unix ? undefined : server ? span.localAddress : span.peerAddress,
    'server.port': unix ? undefined : span.port,
    'client.address': unix || !server ? undefined : span.peerAddress,
    'client.port': unix || !server ? undefined : span.peerPort,
    'network.peer.address': unix ? undefined : span.peerAddress,
    'network.peer.port': unix ? undefined : span.peerPort,
    'network.transport': unix ? 'unix' : 'tcp',
    'network.protocol.name': 'http',
    'http.request.body.size': span.requestBytes,
    'http.response.body.size': span.responseBytes,
    'error.type': span.errorType || undefined,
    // The older name is the one that trace stores draw their graphs by.
    'peer.service': peer.service?.name,
    'service.peer.name': peer.service?.name,
    'service.peer.namespace': peer.service?.namespace,
    'skep.span.reason': span.reason,
  };
}

/** Of its query nothing is known, as OpenTelemetry wants it of what may be secret. */
function urlOf({ peerAddress, port, route }: Span): string {
  const host = peerAddress.includes(':') ? `[${peerAddress}]` : peerAddress;
  return `http://${host}${port === 80 ? '' : `:${port}`}${route.replace(/[^\x21-\x7e]+/g, encodeURIComponent)}`;
}

function time(ns: bigint): readonly [number, number] {
  return [Number(ns / BILLION), Number(ns % BILLION)];
}
