import { closeSync, openSync, readSync } from 'node:fs';
import type { Host } from '../host/host.ts';
import { readAddress } from './address.ts';
import { pauser } from './pauser.ts';

/** A socket that waits for connections. */
export interface Listening {
  protocol: 'tcp' | 'unix';
  /** `0.0.0.0`, `127.0.0.1`, `::`; of a Unix socket its path, with `@` in front of an abstract name, or empty. */
  address: string;
  /** 0 for a Unix socket. */
  port: number;
  /** The socket's inode: its number in /proc/PID/fd. */
  inode: number;
}

const ESTABLISHED = '01';
const LISTEN = '0A';
const MOST = 16_384;
const CHUNK = 64 * 1024;
const ACCEPTS = 0x10000;
/** Of a table of connections, whose lines have 150 bytes. */
const MOST_BYTES = 10 * 1024 * 1024;

/**
 * The sockets that listen in a process's network namespace. The kernel lists those first and connections after them, so
 * reading ends at the first connection: 50,000 of them cost nothing. At most 16,384 sockets.
 */
export function readListening(host: Host, pid: number): Listening[] {
  const found: Listening[] = [];
  for (const file of ['tcp', 'tcp6']) {
    lines(`${host.proc}/${pid}/net/${file}`, (line, n) => {
      if (n === 0) return true; // the heading
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/, 10);
      if (state !== LISTEN) return false;
      const colon = local!.indexOf(':');
      const address = readAddress(local!.slice(0, colon));
      if (address !== undefined) {
        found.push({
          protocol: 'tcp',
          address,
          port: Number.parseInt(local!.slice(colon + 1), 16),
          inode: Number(inode),
        });
      }
      return found.length < MOST;
    });
  }
  // Unix sockets come in no order: all are read, up to a bound.
  lines(`${host.proc}/${pid}/net/unix`, (line, n) => {
    const m = n === 0 ? null : /^\S+ \S+ \S+ ([0-9a-fA-F]+) \S+ \S+ +(\d+)(?: (.*))?$/.exec(line);
    if (m !== null && (Number.parseInt(m[1]!, 16) & ACCEPTS) !== 0) {
      found.push({ protocol: 'unix', address: m[3] ?? '', port: 0, inode: Number(m[2]) });
    }
    return n < MOST && found.length < MOST;
  });
  return found;
}

/**
 * The inodes of connections to these ports, in a process's network namespace; of its first 65,536 connections or so. A machine may
 * have very many: they are looked through as text, and others have their turns every few milliseconds.
 */
export async function readConnected(host: Host, pid: number, ports: ReadonlySet<number>): Promise<number[]> {
  const found: number[] = [];
  const to = [...ports].map((port) => port.toString(16).toUpperCase().padStart(4, '0')).join('|');
  // Behind the remote address its state, then five columns, then the inode, which is 0 once nobody has it open.
  const connection = new RegExp(`:(?:${to}) ${ESTABLISHED}(?: +\\S+){5} +([1-9]\\d*) `, 'g');
  const pause = pauser();
  for (const file of ['tcp', 'tcp6']) {
    for (const text of pieces(`${host.proc}/${pid}/net/${file}`, MOST_BYTES)) {
      for (const [, inode] of text.matchAll(connection)) found.push(Number(inode));
      await pause();
    }
  }
  return found;
}

/** Hands over a file's lines one by one until `take` says false. What cannot be opened or read has none. */
function lines(path: string, take: (line: string, n: number) => boolean): void {
  let n = 0;
  for (const piece of pieces(path)) for (const line of piece.split('\n')) if (!take(line, n++)) return;
}

/** The beginning of a file in pieces of whole lines, without the last line's end. What cannot be opened or read has none. */
function* pieces(path: string, most = Number.POSITIVE_INFINITY): Generator<string> {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return; // the process has ended, or this kernel has no such protocol
  }
  const chunk = Buffer.allocUnsafe(CHUNK);
  try {
    let rest = '';
    for (let left = most; left > 0; ) {
      const read = readSync(fd, chunk, 0, CHUNK, null);
      if (read === 0) return;
      left -= read;
      const text = rest + chunk.toString('latin1', 0, read);
      const end = text.lastIndexOf('\n');
      rest = text.slice(end + 1);
      if (end >= 0) yield text.slice(0, end);
    }
  } catch {
    // it ended while we read: what was read is true
  } finally {
    closeSync(fd);
  }
}
