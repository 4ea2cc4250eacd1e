import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';

/** What an instance is asked, one JSON line a connection; the answer is one JSON line, of `attach` the terminal's bytes. */
export type Request =
  | { readonly ask: 'stats' }
  | { readonly ask: 'stop' }
  | {
      readonly ask: 'attach';
      readonly columns: number;
      readonly rows: number;
      /** Of the terminal: TERM, COLORTERM, NO_COLOR, LANG, LC_ALL, LC_CTYPE. */
      readonly env: Readonly<Record<string, string>>;
    };

/** What follows an `attach`, a line each. */
export type TerminalInput = { readonly keys: string } | { readonly columns: number; readonly rows: number };

/** What an instance says of itself. Rates are of the last interval. */
export interface InstanceStats {
  readonly seconds: number;
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly lost: number;
  /** Maps of which nobody counts what they lose. */
  readonly lossUnknown: readonly string[];
  readonly series: number;
  /** Of one processor, skep itself and its programs; the latter is absent where the kernel does not count it. */
  readonly cpuPercent: number;
  readonly probeCpuPercent?: number;
  readonly memoryBytes: number;
  /** Lines that the log has dropped with its oldest files. */
  readonly logDropped: number;
}

const LONGEST = 107;

/**
 * Calls with the address of an instance's socket. An address has at most 107 bytes: a longer path goes by its open folder.
 */
export async function withSocket<T>(folder: string, call: (path: string) => Promise<T>): Promise<T> {
  const path = join(folder, 'control.sock');
  if (Buffer.byteLength(path) <= LONGEST) return call(path);
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return await call(`/proc/self/fd/${fd}/control.sock`);
  } finally {
    closeSync(fd);
  }
}
