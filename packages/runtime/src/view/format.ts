import type { HistogramState } from '../contract/series.ts';

const pad = (n: number, width = 2): string => String(n).padStart(width, '0');
let lastSecond = -1;
let lastPrefix = '';

/** `14:03:59.123`, local time, of milliseconds since 1970. */
export function clockTime(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) {
    const date = new Date(second * 1000);
    lastPrefix = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.`;
    lastSecond = second;
  }
  return lastPrefix + pad(Math.floor(ms - second * 1000), 3);
}

/** `00:01:23`, or `2d 03:04:05`, of a duration in milliseconds. */
export function uptime(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const clock = `${pad(Math.floor(s / 3600) % 24)}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}`;
  return s >= 86_400 ? `${Math.floor(s / 86_400)}d ${clock}` : clock;
}

/** Whole numbers with their thousands apart: `1,234,567`. Exact for bigint. */
export function grouped(value: number | bigint): string {
  if (typeof value === 'number' && !Number.isInteger(value)) return shortNumber(value);
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** From this share of the next unit on a number would round to a thousand of the smaller one. */
const ROUNDS_UP = 0.9995;

const MAGNITUDES = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M']] as const; // biome-ignore format: pairs

/** Four digits at most, with k, M, G, T beyond: `12.3`, `987`, `12.3k`. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const scale = MAGNITUDES.find(([limit]) => size >= limit * ROUNDS_UP);
  if (scale !== undefined) return `${digits(value / scale[0])}${scale[1]}`;
  if (size >= 9999.5) return `${digits(value / 1e3)}k`;
  return digits(value);
}

function digits(value: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e4) return String(value);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** A rate: `0`, `38.0`, `512`, `12.3k`; one decimal below a hundred, so that points stand under each other. */
export function perSecond(rate: number): string {
  return rate > 0 && rate < 100 ? rate.toFixed(1) : shortNumber(rate);
}

/** Seconds in one of a unit of time. */
const SECONDS: Record<string, number> = { ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, seconds: 1 };
const TIMES = [[1, 's'], [1e-3, 'ms'], [1e-6, 'us'], [1e-9, 'ns']] as const; // biome-ignore format: pairs
const SIZES = [[2 ** 40, 'TiB'], [2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [2 ** 10, 'KiB']] as const; // biome-ignore format: pairs

/** True when {@link quantity} writes the unit beside each number, so that a heading need not. */
export function hasScale(unit: string | undefined): boolean {
  return unit !== undefined && (Object.hasOwn(SECONDS, unit) || unit === 'bytes');
}

/** A measured number as a person reads it: times and bytes in the unit that suits (`1.02ms`, `64KiB`). */
export function quantity(value: number, unit: string | undefined): string {
  if (!Number.isFinite(value) || !hasScale(unit)) return shortNumber(value);
  const scales = unit === 'bytes' ? SIZES : TIMES;
  const size = unit === 'bytes' ? value : value * SECONDS[unit!]!;
  if (size === 0) return unit === 'bytes' ? '0B' : '0s';
  const [one, name] = scales.find(([limit]) => Math.abs(size) >= limit * ROUNDS_UP) ?? (unit === 'bytes' ? [1, 'B'] : [1e-9, 'ns']); // biome-ignore format: one choice
  return `${threeDigits(size / one)}${name}`;
}

/** `1.02`, `16.4`, `131`, without trailing zeros. */
function threeDigits(value: number): string {
  const size = Math.abs(value);
  return String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)));
}

/** A share of one core: `0.03%`, `4.2%`, `118%`. */
export function percent(share: number): string {
  const p = share * 100;
  return `${p === 0 ? '0' : p < 0.01 ? '<0.01' : p < 1 ? p.toFixed(2) : p < 10 ? p.toFixed(1) : p.toFixed(0)}%`;
}

/**
 * The value below which the share `q` of a histogram lies, by straight line within its bucket, as
 * Prometheus' `histogram_quantile` does. What lies above all bounds counts as the highest bound.
 */
export function quantile(h: HistogramState, q: number): number {
  if (h.count === 0 || h.bounds.length === 0) return Number.NaN;
  const rank = q * h.count;
  let below = 0;
  for (let i = 0; i < h.bounds.length; i++) {
    const n = h.counts[i]!;
    if (n > 0 && below + n >= rank) {
      const low = i === 0 ? Math.min(0, h.bounds[0]!) : h.bounds[i - 1]!;
      return low + ((h.bounds[i]! - low) * (rank - below)) / n;
    }
    below += n;
  }
  return h.bounds[h.bounds.length - 1]!;
}
