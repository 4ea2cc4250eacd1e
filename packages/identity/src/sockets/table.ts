import { closeSync, openSync, readSync } from 'node:fs';
import type { Host } from '../host/host.ts';
import { readAddress } from './address.ts';

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

/** The inodes of connections to these ports, in a process's network namespace; of its first 16,384 connections. */
export function readConnected(host: Host, pid: number, ports: ReadonlySet<number>): number[] {
  const found: number[] = [];
  for (const file of ['tcp', 'tcp6']) {
    lines(`${host.proc}/${pid}/net/${file}`, (line, n) => {
      const [, , remote, state, , , , , , inode] = n === 0 ? [] : line.trim().split(/\s+/, 10);
      const port = Number.parseInt(remote?.slice(remote.indexOf(':') + 1) ?? '', 16);
      if (state === ESTABLISHED && ports.has(port) && inode !== '0') found.push(Number(inode));
      return n < MOST;
    });
  }
  return found;
}

/** Hands over a file's lines one by one until `take` says false. What cannot be opened or read has none. */
function lines(path: string, take: (line: string, n: number) => boolean): void {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return; // the process has ended, or this kernel has no such protocol
  }
  const chunk = Buffer.allocUnsafe(CHUNK);
  try {
    let rest = '';
    for (let n = 0; ; ) {
      const read = readSync(fd, chunk, 0, CHUNK, null);
      if (read === 0) return;
      const parts = (rest + chunk.toString('latin1', 0, read)).split('\n');
      rest = parts.pop()!;
      for (const part of parts) if (!take(part, n++)) return;
    }
  } catch {
    // it ended while we read: what was read is true
  } finally {
    closeSync(fd);
  }
}
