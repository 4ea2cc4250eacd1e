/** load/keepalive.c, driven: one connection, one request after the other, CPU time for each. */
import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stop, withUs } from '../../lib/process.ts';

/** Nanoseconds of CPU for one request and its response. */
export interface Spent {
  readonly both: number;
  readonly server: number;
  readonly client: number;
}

export interface Keepalive extends AsyncDisposable {
  readonly server: number;
  readonly client: number;
  run(): Promise<Spent>;
}

export interface Shape {
  /** One thread that is both ends, or a process for each. */
  readonly ends: 'both' | 'two';
  readonly count: number;
  readonly request: number;
  readonly response: number;
  readonly body: number;
  /** Requests a second; as fast as they go unless said. */
  readonly rate?: number;
  /** How many paths they run through, at most 100. */
  readonly routes?: number;
}

/** Compiles the program into `dir`. */
export function buildKeepalive(dir: string): string {
  const program = join(dir, 'keepalive');
  execFileSync('cc', ['-O2', '-o', program, join(import.meta.dirname, '../load/keepalive.c')]);
  return program;
}

/** Connects both ends on `port` of loopback and lets the kernel have them ready; each `run` sends `count` requests. */
export async function startKeepalive(program: string, port: number, shape: Shape): Promise<Keepalive> {
  const { ends, count, request, response, body, rate = 0, routes = 1 } = shape;
  const args = [ends, port, count, request, response, body, rate, routes].map(String);
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  withUs(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<Record<string, number>> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`keepalive ended with ${child.exitCode ?? child.signalCode}`);
    return JSON.parse(value) as Record<string, number>;
  };
  const { server, client } = await next();
  return {
    server: server as number,
    client: client as number,
    async run() {
      child.stdin.write('\n');
      const { ns, server_ns, client_ns } = (await next()) as Record<string, number>;
      return { both: ns! / count, server: server_ns! / count, client: client_ns! / count };
    },
    [Symbol.asyncDispose]: () => stop(child),
  };
}
