/**
 * What an attribute may be. A bigint that a double holds exactly is sent as an integer, any other as its decimal text, as
 * OpenTelemetry has it for integers that do not fit. `null` is left out.
 */
export type AttributeValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | readonly AttributeValue[]
  | { readonly [key: string]: AttributeValue };

/** Names by OpenTelemetry's semantic conventions: `http.request.method`. What is undefined is left out. */
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/**
 * What something is about: a service, a host. Things of one resource are sent together, told by the identity of this
 * object: make one for each service and keep it.
 */
export interface Resource {
  readonly attributes: Attributes;
  readonly schemaUrl?: string;
}

/** Who saw it: a part of skep. Told apart by identity, as {@link Resource}. */
export interface Scope {
  readonly name: string;
  readonly version?: string;
  readonly attributes?: Attributes;
  readonly schemaUrl?: string;
}

/** A wall-clock time: nanoseconds since 1970, or `[seconds, nanoseconds]`, which costs no bigint. */
export type Time = bigint | readonly [seconds: number, nanos: number];

/** A span, complete. */
export interface SpanData {
  /** 32 hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all zero. */
  readonly spanId: string;
  readonly parentSpanId?: string;
  /** Whether the parent is in another process, where that is known. */
  readonly parentIsRemote?: boolean;
  /** W3C `tracestate`, as it was read. */
  readonly traceState?: string;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  readonly start: Time;
  readonly end: Time;
  /** Unset unless given. A message only with `error`. */
  readonly status?: { readonly code: 'unset' | 'ok' | 'error'; readonly message?: string };
  readonly attributes?: Attributes;
  readonly events?: readonly {
    readonly name: string;
    readonly time: Time;
    readonly attributes?: Attributes;
  }[];
  readonly links?: readonly {
    readonly traceId: string;
    readonly spanId: string;
    readonly attributes?: Attributes;
  }[];
  readonly resource: Resource;
  /** The exporter's unless given. */
  readonly scope?: Scope;
}

/** A log record; one with an `eventName` is an event. */
export interface LogData {
  readonly time: Time;
  /** When skep saw it. */
  readonly observed: Time;
  readonly eventName?: string;
  /** 1 (TRACE) to 24 (FATAL4), 9 is INFO; source: https://opentelemetry.io/docs/specs/otel/logs/data-model/ */
  readonly severity?: number;
  readonly severityText?: string;
  readonly body?: AttributeValue;
  readonly attributes?: Attributes;
  readonly traceId?: string;
  readonly spanId?: string;
  readonly resource: Resource;
  readonly scope?: Scope;
}

/** A number with its attributes. `start`: since when a sum counts. */
export interface NumberPoint {
  readonly attributes: Attributes;
  readonly start: Time;
  readonly time: Time;
  readonly value: number | bigint;
}

/** A histogram with explicit bounds. Not cumulative over its buckets: `counts[i]` were ≤ `bounds[i]` and above the bound before. */
export interface HistogramPoint {
  readonly attributes: Attributes;
  readonly start: Time;
  readonly time: Time;
  readonly count: number;
  readonly sum?: number;
  readonly min?: number;
  readonly max?: number;
  /** Upper bounds, inclusive, ascending. */
  readonly bounds: readonly number[];
  /** One more than `bounds`. */
  readonly counts: ArrayLike<number>;
}

/** Bucket `i` counts values in `(base^(offset+i), base^(offset+i+1)]`, base = 2^(2^-scale). */
export interface ExponentialBuckets {
  readonly offset: number;
  readonly counts: ArrayLike<number>;
}

/** Source: https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram */
export interface ExponentialPoint {
  readonly attributes: Attributes;
  readonly start: Time;
  readonly time: Time;
  readonly count: number;
  readonly sum?: number;
  readonly min?: number;
  readonly max?: number;
  readonly scale: number;
  readonly zeroCount: number;
  readonly positive: ExponentialBuckets;
  readonly negative?: ExponentialBuckets;
}

/**
 * One metric of a resource and all its points. `name` by OpenTelemetry's conventions, without unit or `_total`
 * (`http.server.request.duration`); `unit` in UCUM (`s`, `By`, `{request}`). Sums and histograms are cumulative.
 */
export type MetricData = {
  readonly name: string;
  readonly description?: string;
  readonly unit?: string;
} & (
  | {
      readonly type: 'sum';
      readonly monotonic: boolean;
      /** Sent as integers; doubles unless said. */
      readonly integer?: boolean;
      readonly points: readonly NumberPoint[];
    }
  | { readonly type: 'gauge'; readonly integer?: boolean; readonly points: readonly NumberPoint[] }
  | { readonly type: 'histogram'; readonly points: readonly HistogramPoint[] }
  | { readonly type: 'exponential'; readonly points: readonly ExponentialPoint[] }
);

/** The metrics of one resource. */
export interface ResourceMetrics {
  readonly resource: Resource;
  /** The exporter's unless given. */
  readonly scope?: Scope;
  readonly metrics: readonly MetricData[];
}

/**
 * Hands in aggregates at each interval and at the end: the counterpart of OpenTelemetry's MetricProducer, for any number
 * of resources at once. Never called again before its promise has settled. What it throws ends nothing: it becomes
 * `lastError`, and the next collection asks again.
 */
export interface MetricSource {
  collect(): readonly ResourceMetrics[] | Promise<readonly ResourceMetrics[]>;
}

/** What is sent apart, each to an address of its own. */
export type Signal = 'traces' | 'metrics' | 'logs';
