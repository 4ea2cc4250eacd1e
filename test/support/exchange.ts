import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface ExchangeOptions {
  readonly name: string;
  readonly services?: number;
  /** Of each service. */
  readonly connections?: number;
  /** Requests of each connection. */
  readonly rounds: number;
  /** Requests a second of each service; as fast as it goes unless said. */
  readonly rate?: number;
  readonly path?: string;
  /** A folder of a cgroup that it all runs in. */
  readonly cgroup?: string;
}

export interface Exchanged {
  /** Requests that were sent and rightly answered. */
  readonly answered: number;
  /** The longest exchange, milliseconds. */
  readonly longest: number;
}

/** exchange.pl, with its connections open; `run` sends all requests. */
export class Exchange implements AsyncDisposable {
  /** How many requests {@link run} sends. */
  readonly count: number;
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  private constructor(child: ChildProcess, count: number) {
    this.#child = child;
    this.count = count;
    this.#lines = createInterface({ input: child.stdout! });
  }

  static async open(options: ExchangeOptions): Promise<Exchange> {
    const { name, services = 1, connections = 1, rounds, rate = 0, path = '/items/%d', cgroup } = options;
    const script = fileURLToPath(new URL('exchange.pl', import.meta.url));
    const words = [script, name, services, connections, rounds, rate, path].map(String);
    const enter = cgroup === undefined ? '' : `echo $$ >'${cgroup}/cgroup.procs' && `;
    // Both ends of each connection, and some more.
    const files = `ulimit -n ${2 * Math.max(connections, services) + 64} && `;
    const child = spawn('sh', ['-c', `${enter}${files}exec perl "$@"`, 'sh', ...words], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exchange = new Exchange(child, services * connections * rounds);
    const word = await exchange.#line();
    if (word !== 'ready') throw new Error(`exchange.pl said "${word}"`);
    return exchange;
  }

  async run(): Promise<Exchanged> {
    const said = this.#line();
    this.#child.stdin!.write('\n');
    const [answered, longest] = (await said).split(' ').map(Number);
    return { answered: answered!, longest: longest! };
  }

  async #line(): Promise<string> {
    const ended = new AbortController();
    const gone = () => ended.abort(new Error('exchange.pl has ended'));
    this.#child.once('close', gone);
    try {
      const [line] = await once(this.#lines, 'line', { signal: ended.signal });
      return line;
    } finally {
      this.#child.off('close', gone);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.stdin!.end();
    await closed;
  }
}
