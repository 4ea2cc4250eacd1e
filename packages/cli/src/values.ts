import { usageError } from './errors.ts';

const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** "500ms", "10s", "1m30s", "2h", or plain seconds ("1.5"), in milliseconds. */
export function parseDuration(flag: string): (text: string) => number {
  return (text) => {
    const plain = /^\d+(\.\d+)?$/.test(text);
    const parts = plain ? [['', text, 's']] : [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
    const ms = parts.reduce((sum, [, n, unit]) => sum + Number(n) * unitMs[unit!]!, 0);
    const whole = plain || (parts.length > 0 && parts.map(([all]) => all).join('') === text);
    if (!whole || ms < 1)
      throw usageError(`${flag}: "${text}" is not a duration`, 'Write 500ms, 10s, 1m30s or 2h.');
    if (ms > 2 ** 31 - 1) throw usageError(`${flag}: "${text}" is too long`, 'At most 596h.');
    return ms;
  };
}

/** A whole number of at least `least`. */
export function parseCount(flag: string, least = 1): (text: string) => number {
  return (text) => {
    const n = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(n) || n < least) {
      throw usageError(
        `${flag}: "${text}" is not a whole number of at least ${least}`,
        `For example ${flag} 1000.`,
      );
    }
    return n;
  };
}

/** Where a server listens. */
export interface ListenAddress {
  host: string;
  port: number;
}

/** "9091", ":9091" (every interface), "127.0.0.1:9091", "[::1]:9091", "localhost:9091". */
export function parseListen(flag: string): (text: string) => ListenAddress {
  return (text) => {
    const match = /^(?:(\[[0-9a-fA-F:.%\w]+\]|[^:[\]]*):)?(\d{1,5})$/.exec(text);
    const port = match ? Number(match[2]) : Number.NaN;
    if (!match || port > 65535) {
      throw usageError(
        `${flag}: "${text}" is not an address`,
        'Write HOST:PORT, as 127.0.0.1:9091, or [::1]:9091.',
      );
    }
    if (match[1] === undefined) return { host: '127.0.0.1', port };
    return { host: match[1].replace(/^\[|\]$/g, '') || '::', port };
  };
}

/** `NAME=VALUE` pairs of a repeated flag, or what else the flag calls its halves. The last of a name wins. */
export function collectPairs(
  flag: string,
  form = 'NAME=VALUE',
  example = 'target_pid=1234',
): (text: string, previous?: Record<string, string>) => Record<string, string> {
  return (text, previous) => {
    const equals = text.indexOf('=');
    if (equals < 1) throw usageError(`${flag}: "${text}" is not ${form}`, `For example ${flag} ${example}.`);
    return { ...previous, [text.slice(0, equals)]: text.slice(equals + 1) };
  };
}
