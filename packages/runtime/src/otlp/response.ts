import {
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer';
import type { Signal } from './data.ts';

/** What a receiver says about a request that it took. */
export interface PartialSuccess {
  readonly rejected: number;
  readonly message: string;
}

const READERS: Readonly<Record<Signal, readonly [json: Reader, protobuf: Reader]>> = {
  traces: [JsonTraceSerializer, ProtobufTraceSerializer],
  metrics: [JsonMetricsSerializer, ProtobufMetricsSerializer],
  logs: [JsonLogsSerializer, ProtobufLogsSerializer],
};

interface Reader {
  deserializeResponse(body: Uint8Array): unknown;
}

/**
 * Reads an Export…ServiceResponse; undefined when it has no partial success, which is the usual empty one.
 *
 * @throws Error when the body is none
 */
export function partialSuccess(body: Uint8Array, json: boolean, signal: Signal): PartialSuccess | undefined {
  if (body.length === 0) return undefined;
  const response = READERS[signal][json ? 0 : 1].deserializeResponse(body);
  const partial = (response as { partialSuccess?: Record<string, unknown> } | undefined)?.partialSuccess;
  if (typeof partial !== 'object' || partial === null) return undefined;
  const { errorMessage } = partial;
  // rejectedSpans, rejectedDataPoints, rejectedLogRecords: the other member. JSON has 64-bit integers as text.
  const rejected = Number(Object.entries(partial).find(([key]) => key.startsWith('rejected'))?.[1] ?? 0);
  return {
    rejected: Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0,
    message: typeof errorMessage === 'string' ? errorMessage : '',
  };
}
