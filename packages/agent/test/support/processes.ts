import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const run = promisify(execFile);

/** A server in a process of its own, on a port of loopback that is its own. */
export class TestServer implements Disposable {
  readonly port: number;
  readonly child: ChildProcess;
  readonly #lines: Interface;

  private constructor(child: ChildProcess, lines: Interface, port: number) {
    this.child = child;
    this.#lines = lines;
    this.port = port;
  }

  static async start(name: string, port = 0, env: Record<string, string> = {}): Promise<TestServer> {
    const child = spawn(process.execPath, [script('server.cjs'), String(port)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, OTEL_SERVICE_NAME: name, ...env },
    });
    const lines = createInterface(child.stdout!);
    const [line] = await once(lines, 'line');
    return new TestServer(child, lines, Number(line));
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** How many requests it has been asked. */
  async count(): Promise<number> {
    this.child.stdin!.write('count\n');
    const [line] = await once(this.#lines, 'line');
    return Number(line);
  }

  async kill(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  [Symbol.dispose](): void {
    this.child.kill('SIGKILL');
    this.#lines.close();
  }
}

/** Sends numbered requests from a process of its own; returns how many were answered. */
export async function send(
  name: string,
  port: number,
  count: number,
  options: { path?: string; connections?: number; method?: string; body?: string } = {},
): Promise<number> {
  const { path = '/items/%d', connections = 4, method = 'GET', body = '' } = options;
  const words = [port, count, connections, path, method, body].map(String);
  const env = { ...process.env, OTEL_SERVICE_NAME: name };
  const { stdout } = await run(process.execPath, [script('client.cjs'), ...words], { env });
  return Number(stdout);
}

/** One GET from a process that lives for milliseconds, called perl; curl is not everywhere. */
export async function get(port: number, path: string, ...headers: string[]): Promise<string> {
  return command('perl', script('get.pl'), String(port), path, ...headers);
}

/** Starts processes that send one GET each and end; returns how many seconds it took to start them. */
export async function short(
  port: number,
  { count, rate, name, path }: { count: number; rate: number; name: string; path: string },
): Promise<number> {
  return Number(await command('perl', script('short.pl'), ...[port, count, rate, name, path].map(String)));
}

/** Runs a program of the machine; returns what it says. */
export async function command(file: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(file, args);
  return stdout;
}
