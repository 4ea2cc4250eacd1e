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
  const [family, address] = host.includes(':') ? ['INET6', 'sockaddr_in6'] : ['INET', 'sockaddr_in'];
  const script = `
    use Socket ':all';
    my $to = ${address}(${port}, inet_pton(AF_${family}, '${host}'));
    my $accepted = 0;
    for (1 .. ${times}) {
      socket(my $s, PF_${family}, SOCK_STREAM, 0);
      if (connect($s, $to)) { $accepted++; shutdown($s, 1); sysread($s, my $rest, 1); }
      close $s;
    }
    print $accepted;
  `;
  return Number(await runIn(cgroup, 'perl', '-e', script));
}
