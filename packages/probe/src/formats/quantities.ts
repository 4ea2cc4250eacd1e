const NS = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** At most three digits that matter, no zeros behind them: 1.5, 12.3, 999. */
function short(value: number): string {
  return String(Number(value.toPrecision(value >= 1000 ? 4 : 3)));
}

/** Nanoseconds as a person reads them: `0s`, `250ns`, `1.5us`, `12.3ms`, `1.5s`, `1m30s`, `2h5m`. */
export function durationText(ns: number): string {
  if (ns < 0) return `-${durationText(-ns)}`;
  if (ns === 0) return '0s';
  // The limits are where three digits would round up to the next unit.
  if (ns < 1e3) return `${short(ns)}ns`;
  if (ns < 999_500) return `${short(ns / 1e3)}us`;
  if (ns < 999_500_000) return `${short(ns / 1e6)}ms`;
  if (ns < 59.95e9) return `${short(ns / 1e9)}s`;
  const seconds = Math.round(ns / 1e9);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${seconds % 60 ? `${seconds % 60}s` : ''}`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)}h${minutes % 60 ? `${minutes % 60}m` : ''}`;
}

/** `5ms`, `1.5s`, `1h30m` to nanoseconds, exactly; undefined when it is none or finer than a nanosecond. */
export function parseDuration(text: string): bigint | undefined {
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0n;
  for (const [, number, unit] of text.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)) {
    const part = scaled(number!, NS[unit as keyof typeof NS]);
    if (part === undefined) return undefined;
    total += part;
  }
  return total;
}

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** Bytes as a person reads them: `512 B`, `1.2 MiB`. */
export function bytesText(bytes: number): string {
  let value = Math.abs(bytes);
  let unit = 0;
  while (value >= 999.5 && unit < BINARY.length - 1) {
    if (unit === 0 && value < 1024) break;
    value /= 1024;
    unit++;
  }
  return `${bytes < 0 ? '-' : ''}${short(value)} ${BINARY[unit]}`;
}

const BYTE_UNITS = new Map<string, bigint>([
  ['', 1n],
  ['b', 1n],
]);
for (const [i, letter] of ['k', 'm', 'g', 't', 'p', 'e'].entries()) {
  const binary = 1024n ** BigInt(i + 1);
  BYTE_UNITS.set(letter, binary)
    .set(`${letter}ib`, binary)
    .set(`${letter}b`, 1000n ** BigInt(i + 1));
}

/** `64MiB`, `64M`, `1.5 GiB`, `64MB` (a million) to bytes; undefined when it is none or not whole. */
export function parseBytes(text: string): bigint | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text);
  const unit = match && BYTE_UNITS.get(match[2]!.toLowerCase());
  return unit ? scaled(match[1]!, unit) : undefined;
}

/** A decimal number times a unit, only when that is whole. */
function scaled(number: string, unit: bigint): bigint | undefined {
  const [whole, fraction = ''] = number.split('.');
  const power = 10n ** BigInt(fraction.length);
  const product = BigInt(whole! + fraction) * unit;
  return product % power === 0n ? product / power : undefined;
}
