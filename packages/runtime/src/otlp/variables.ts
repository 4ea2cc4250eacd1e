import { RuntimeError } from '../errors.ts';

/** The environment. An empty variable counts as absent, as OpenTelemetry has it. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** Only `true` is true, in any case. */
export function flag(env: Variables, name: string): boolean {
  return env[name]?.trim().toLowerCase() === 'true';
}

/** A whole number of milliseconds, at least 1. */
export function duration(env: Variables, name: string, otherwise: number): number {
  return number(env, name, otherwise, 'milliseconds', 2 ** 31 - 1);
}

/** A whole number, at least 1. */
export function count(env: Variables, name: string, otherwise: number): number {
  return number(env, name, otherwise, 'items', 1_000_000);
}

function number(env: Variables, name: string, otherwise: number, what: string, most: number): number {
  const text = env[name]?.trim();
  if (!text) return otherwise;
  const n = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (n >= 1 && n <= most) return n;
  throw new RuntimeError(
    'SKEP_OTLP',
    `${name}: "${text}" is not a number of ${what}`,
    `A whole number from 1 to ${most}, for example ${name}=${otherwise}.`,
  );
}

/** `key=value,key=value` with values percent-encoded, as W3C Baggage. */
export function pairs(env: Variables, name: string): Record<string, string> {
  const out: Record<string, string> = {};
  for (const part of (env[name] ?? '').split(',')) {
    if (part.trim() === '') continue;
    const at = part.indexOf('=');
    const key = part.slice(0, at).trim();
    if (at < 1 || key === '') {
      // The value may be a secret: only where it stands is told.
      throw new RuntimeError(
        'SKEP_OTLP',
        `${name}: not all of it is key=value`,
        'Write key1=value1,key2=value2.',
      );
    }
    try {
      out[decodeURIComponent(key)] = decodeURIComponent(part.slice(at + 1).trim());
    } catch (cause) {
      throw new RuntimeError(
        'SKEP_OTLP',
        `${name}: the value of ${key} has a % that begins no %XX`,
        'Write a percent sign as %25.',
        cause,
      );
    }
  }
  return out;
}
