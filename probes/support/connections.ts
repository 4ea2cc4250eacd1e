/** A TCP listener of the test's own on loopback, and a client in a process of its own. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { MemoryCgroup } from '../../scripts/lib/memory-cgroup.ts';
import { runIn } from './cgroup.ts';

/** Listens on a free port of 127.0.0.1 or ::1 and keeps what connects until the client leaves. */
export async function listen(host: string): Promise<{ port: number; server: Server } & Disposable> {
  const server = createServer((socket) => socket.on('error', () => socket.destroy()).resume()).listen(
    0,
    host,
  );
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return { port, server, [Symbol.dispose]: () => server.close() };
}

/** Connects `times` times, one after the other, and closes each. Returns how many were accepted. */
export async function connectFrom(
  cgroup: MemoryCgroup,
  host: string,
  port: number,
  times: number,
): Promise<number> {
  const script = `
    const net = require('node:net');
    let accepted = 0, left = ${times};
    const next = () => {
      if (left-- === 0) return console.log(accepted);
      const socket = net.connect(${port}, '${host}', () => { accepted++; socket.end(); });
      socket.on('error', () => {}).on('close', next).resume();
    };
    next();
  `;
  return Number(await runIn(cgroup, process.execPath, '-e', script));
}
