import { ValueType } from '@opentelemetry/api';
import {
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer';
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics';
import type {
  Attributes,
  AttributeValue,
  LogData,
  MetricData,
  Resource,
  ResourceMetrics,
  Scope,
  SpanData,
  Time,
} from './data.ts';

type ReadableSpan = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0][number];
type ReadableLog = Parameters<typeof ProtobufLogsSerializer.serializeRequest>[0][number];
type SdkMetrics = Parameters<typeof ProtobufMetricsSerializer.serializeRequest>[0];
type SdkMetric = SdkMetrics['scopeMetrics'][number]['metrics'][number];
type SdkResource = ReadableSpan['resource'];
type SdkScope = ReadableLog['instrumentationScope'];
type Anything = string | number | boolean | Uint8Array | Anything[] | { [key: string]: Anything };

/** As it goes over the wire: `application/x-protobuf`, or JSON. */
export type Encoding = 'protobuf' | 'json';

/** The numbers of the SDK's `SpanKind`; OTLP's are one more. */
const KINDS = { internal: 0, server: 1, client: 2, producer: 3, consumer: 4 } as const;
const STATUS = { unset: 0, ok: 1, error: 2 } as const;

/**
 * Makes export requests out of plain data, through OpenTelemetry's own serializers. Resources and scopes are turned
 * once and known by their identity, which is also how the serializers group.
 */
export class Encoder {
  readonly #encoding: Encoding;
  readonly #scope: Scope;
  readonly #resources = new WeakMap<Resource, SdkResource>();
  readonly #scopes = new WeakMap<Scope, SdkScope>();

  constructor(encoding: Encoding, scope: Scope) {
    this.#encoding = encoding;
    this.#scope = scope;
  }

  /** An ExportTraceServiceRequest. */
  spans(spans: readonly SpanData[]): Uint8Array {
    const serializer = this.#encoding === 'json' ? JsonTraceSerializer : ProtobufTraceSerializer;
    return some(serializer.serializeRequest(spans.map((s) => this.#span(s))));
  }

  /** An ExportLogsServiceRequest. */
  logs(logs: readonly LogData[]): Uint8Array {
    const serializer = this.#encoding === 'json' ? JsonLogsSerializer : ProtobufLogsSerializer;
    return some(serializer.serializeRequest(logs.map((l) => this.#log(l))));
  }

  /** An ExportMetricsServiceRequest with all these resources. */
  metrics(resources: readonly ResourceMetrics[]): Uint8Array {
    const each = resources.map((r) => this.#metrics(r));
    if (this.#encoding === 'json') return joinedJson(each);
    // The serializer takes one resource. A request is a repeated field and nothing else, and the concatenation of two
    // messages is their union: https://protobuf.dev/programming-guides/encoding/#last-one-wins
    return Buffer.concat(each.map((m) => some(ProtobufMetricsSerializer.serializeRequest(m))));
  }

  #span(s: SpanData): ReadableSpan {
    const { traceId, spanId, parentSpanId, status, events = [], links = [] } = s;
    const state = s.traceState;
    const traceState = state ? ({ serialize: () => state } as never) : undefined;
    return {
      name: s.name,
      kind: KINDS[s.kind],
      spanContext: () => ({ traceId, spanId, traceFlags: 1, traceState }),
      parentSpanContext: parentSpanId
        ? { traceId, spanId: parentSpanId, traceFlags: 1, isRemote: s.parentIsRemote }
        : undefined,
      startTime: hrTime(s.start),
      endTime: hrTime(s.end),
      duration: [0, 0],
      ended: true,
      status: { code: status ? STATUS[status.code] : 0, message: status?.message },
      attributes: attributes(s.attributes),
      events: events.map((e) => ({
        name: e.name,
        time: hrTime(e.time),
        attributes: attributes(e.attributes),
      })),
      links: links.map((l) => ({
        context: { traceId: l.traceId, spanId: l.spanId, traceFlags: 1 },
        attributes: attributes(l.attributes),
      })),
      resource: this.#resource(s.resource),
      instrumentationScope: this.#scoped(s.scope),
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    };
  }

  #log(l: LogData): ReadableLog {
    const { traceId, spanId } = l;
    return {
      hrTime: hrTime(l.time),
      hrTimeObserved: hrTime(l.observed),
      eventName: l.eventName,
      severityNumber: l.severity,
      severityText: l.severityText,
      body: l.body === undefined || l.body === null ? undefined : anything(l.body),
      attributes: attributes(l.attributes),
      spanContext: traceId && spanId ? { traceId, spanId, traceFlags: 1 } : undefined,
      resource: this.#resource(l.resource),
      instrumentationScope: this.#scoped(l.scope),
      droppedAttributesCount: 0,
    };
  }

  #metrics({ resource, scope, metrics }: ResourceMetrics): SdkMetrics {
    return {
      resource: this.#resource(resource),
      scopeMetrics: [{ scope: this.#scoped(scope), metrics: metrics.map(metric) }],
    };
  }

  #resource(resource: Resource): SdkResource {
    let made = this.#resources.get(resource);
    if (made === undefined) {
      // The serializers read attributes and schemaUrl; the rest of the SDK's type is for merging resources.
      made = {
        attributes: attributes(resource.attributes),
        schemaUrl: resource.schemaUrl,
      } as unknown as SdkResource;
      this.#resources.set(resource, made);
    }
    return made;
  }

  #scoped(scope: Scope = this.#scope): SdkScope {
    let made = this.#scopes.get(scope);
    if (made === undefined) {
      made = { ...scope, attributes: attributes(scope.attributes) };
      this.#scopes.set(scope, made);
    }
    return made;
  }
}

function metric(m: MetricData): SdkMetric {
  // An integer of OTLP's has a sign: beyond its 63 bits one would arrive as 0, or below it. A double holds it.
  const integer =
    (m.type === 'sum' || m.type === 'gauge') &&
    m.integer === true &&
    m.points.every((p) => Math.abs(Number(p.value)) < 2 ** 63);
  const common = {
    descriptor: {
      name: m.name,
      description: m.description ?? '',
      unit: m.unit ?? '',
      valueType: integer ? ValueType.INT : ValueType.DOUBLE,
    },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  switch (m.type) {
    case 'sum': {
      const points = m.points.map((p) => ({ ...times(p), value: Number(p.value) }));
      return { ...common, dataPointType: DataPointType.SUM, isMonotonic: m.monotonic, dataPoints: points };
    }
    case 'gauge': {
      const points = m.points.map((p) => ({ ...times(p), value: Number(p.value) }));
      return { ...common, dataPointType: DataPointType.GAUGE, dataPoints: points };
    }
    case 'histogram':
      return {
        ...common,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: m.points.map((p) => ({
          ...times(p),
          value: {
            count: p.count,
            sum: p.sum,
            min: p.min,
            max: p.max,
            buckets: { boundaries: p.bounds as number[], counts: Array.from(p.counts) },
          },
        })),
      };
    case 'exponential':
      return {
        ...common,
        dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM,
        dataPoints: m.points.map((p) => ({
          ...times(p),
          value: {
            count: p.count,
            sum: p.sum,
            min: p.min,
            max: p.max,
            scale: p.scale,
            zeroCount: p.zeroCount,
            positive: buckets(p.positive),
            negative: buckets(p.negative ?? { offset: 0, counts: [] }),
          },
        })),
      };
  }
}

function buckets({ offset, counts }: { offset: number; counts: ArrayLike<number> }) {
  return { offset, bucketCounts: Array.from(counts) };
}

function times({ attributes: a, start, time }: { attributes: Attributes; start: Time; time: Time }) {
  return { attributes: attributes(a), startTime: hrTime(start), endTime: hrTime(time) };
}

const NANOS = 1_000_000_000n;

function hrTime(t: Time): [number, number] {
  if (typeof t !== 'bigint') return t as [number, number];
  return [Number(t / NANOS), Number(t % NANOS)];
}

/** The same with bigints turned and nothings left out; itself when there is none of either. */
function attributes(a: Attributes = {}): Record<string, never> {
  for (const key in a) {
    const v = a[key];
    if (typeof v === 'string' || typeof v === 'number' || typeof v === 'boolean') continue;
    return turned(a) as Record<string, never>;
  }
  return a as Record<string, never>;
}

function turned(a: Attributes): Record<string, Anything> {
  const out: Record<string, Anything> = {};
  for (const [key, v] of Object.entries(a)) if (v !== undefined && v !== null) out[key] = anything(v);
  return out;
}

function anything(v: NonNullable<AttributeValue>): Anything {
  if (typeof v === 'bigint') {
    const n = Number(v);
    return Number.isSafeInteger(n) ? n : v.toString();
  }
  if (typeof v !== 'object' || v instanceof Uint8Array) return v;
  if (Array.isArray(v)) return v.map((x: AttributeValue) => (x === null ? '' : anything(x)));
  return turned(v as Attributes);
}

function joinedJson(each: readonly SdkMetrics[]): Uint8Array {
  const texts = each.map((m) => Buffer.from(some(JsonMetricsSerializer.serializeRequest(m))).toString());
  const inner = texts.map((t) => t.slice(t.indexOf('[') + 1, t.lastIndexOf(']')));
  return Buffer.from(`{"resourceMetrics":[${inner.join(',')}]}`);
}

/** The interface allows for serializers that cannot; these always return bytes. */
function some(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined) throw new Error('OpenTelemetry serializer returned nothing');
  return bytes;
}
