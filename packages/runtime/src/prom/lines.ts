import type { Num } from '../contract/stream.ts';
import { escapeHelp } from './names.ts';

/** HELP and TYPE. Prometheus text names a counter with its `_total`, OpenMetrics without. */
export function headLines(
  name: string,
  type: string,
  help: string,
  openMetrics: boolean,
  bare = false,
): string {
  const full = type === 'counter' && !openMetrics && !bare ? `${name}_total` : name;
  return `# HELP ${full} ${escapeHelp(help, openMetrics)}\n# TYPE ${full} ${type}\n`;
}

/** A sample's value; whole numbers exact. */
export function numberText(value: Num, divisor: number): string {
  if (divisor === 1 && typeof value === 'bigint') return value.toString();
  const n = Number(value) / divisor;
  if (Number.isFinite(n)) return String(n);
  return Number.isNaN(n) ? 'NaN' : n > 0 ? '+Inf' : '-Inf';
}
