import type { Attributes, AttributeValue, LogData, SpanData } from './data.ts';

/**
 * About how many bytes a span is as protobuf, for the bounds of a queue; 0 when its ids are such that a receiver would refuse
 * the whole request with it.
 */
export function spanSize(s: SpanData): number {
  if (!isId(s.traceId, 32) || !isId(s.spanId, 16)) return 0;
  if (s.parentSpanId !== undefined && s.parentSpanId !== '' && !isId(s.parentSpanId, 16)) return 0;
  let size = 80 + s.name.length + attributesSize(s.attributes) + (s.status?.message?.length ?? 0);
  for (const e of s.events ?? []) size += 16 + e.name.length + attributesSize(e.attributes);
  for (const l of s.links ?? []) {
    if (!isId(l.traceId, 32) || !isId(l.spanId, 16)) return 0;
    size += 40 + attributesSize(l.attributes);
  }
  return size;
}

/** The same for a log record. */
export function logSize(l: LogData): number {
  if (l.traceId !== undefined && !isId(l.traceId, 32)) return 0;
  if (l.spanId !== undefined && !isId(l.spanId, 16)) return 0;
  return 40 + (l.eventName?.length ?? 0) + valueSize(l.body) + attributesSize(l.attributes);
}

function attributesSize(attributes: Attributes = {}): number {
  let size = 0;
  for (const key in attributes) size += 8 + key.length + valueSize(attributes[key]);
  return size;
}

function valueSize(v: AttributeValue | undefined): number {
  if (typeof v === 'string') return v.length;
  if (typeof v !== 'object' || v === null) return 8;
  if (v instanceof Uint8Array) return v.length;
  if (Array.isArray(v)) return v.reduce((sum: number, x: AttributeValue) => sum + 4 + valueSize(x), 0);
  return attributesSize(v as Attributes);
}

function isId(id: string, digits: number): boolean {
  if (id.length !== digits) return false;
  let zero = true;
  for (let i = 0; i < digits; i++) {
    const c = id.charCodeAt(i);
    const letter = c | 0x20;
    if (!((c >= 0x30 && c <= 0x39) || (letter >= 0x61 && letter <= 0x66))) return false;
    if (c !== 0x30) zero = false;
  }
  return !zero;
}
