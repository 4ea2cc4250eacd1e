import type { Series } from '../contract/series.ts';
import type { Field, Stack } from '../contract/stream.ts';
import type { Attributes, AttributeValue, Time } from './data.ts';
import { attributeNames } from './names.ts';

/** Milliseconds since 1970 with a fraction. */
export function timeOf(ms: number): Time {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

/** The labels of a stream's series as attributes. A number is an integer, also where its label is text to Prometheus. */
export function labelAttributes(fields: readonly Field[]): (series: Series) => Attributes {
  const labels = fields.filter((f) => f.role === 'label');
  const names = attributeNames(labels.map((f) => f.name));
  return (series) => {
    if (series.overflow) return { 'otel.metric.overflow': true };
    const out: Record<string, AttributeValue> = {};
    series.labels.forEach(([, text], i) => {
      out[names[i]!] = labelValue(labels[i]!, text);
    });
    return out;
  };
}

/** A label's text as what it is. */
export function labelValue(field: Field, text: string): AttributeValue {
  if (field.source?.kind === 'bool') return text === 'true';
  if (!field.numeric || !/^-?\d+$/.test(text)) return text;
  const n = Number(text);
  return Number.isSafeInteger(n) ? n : text;
}

/** A stack as functions, innermost first. */
export function stackValue(stack: Stack | undefined): AttributeValue {
  return stack ? [...stack.names] : null;
}
