import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { main, type Sandbox } from './harness.ts';

/** A `skep agent` in a process of its own that has said where its metrics are. */
export class AgentChild implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  stderr = '';
  metrics = '';

  private constructor(box: Sandbox, args: readonly string[]) {
    this.child = spawn(process.execPath, [main, 'agent', ...args], {
      env: box.env,
      cwd: box.dir,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.lines.push(line));
  }

  /** Started with a port for metrics, and attached. */
  static async start(box: Sandbox, ...args: string[]): Promise<AgentChild> {
    const agent = new AgentChild(box, ['--prom-listen', '127.0.0.1:0', '--no-tty', ...args]);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    agent.child.stderr!.on('data', (chunk: Buffer) => {
      agent.stderr += chunk.toString();
      agent.metrics = /metrics: (http\S+)/.exec(agent.stderr)?.[1] ?? '';
      if (agent.metrics) resolve();
    });
    agent.child.once('close', () => reject(new Error(`ended too early: ${agent.stderr}`)));
    await promise;
    return agent;
  }

  get pid(): number {
    return this.child.pid!;
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill(signal);
      await once(this.child, 'close');
    }
    return this.child.exitCode;
  }

  /** The sum of a family's samples, of those that have this text among their labels. */
  async sum(family: string, label = ''): Promise<number> {
    const text = await (await fetch(this.metrics)).text();
    return text
      .split('\n')
      .filter(
        (line) => (line.startsWith(`${family}{`) || line.startsWith(`${family} `)) && line.includes(label),
      )
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  /** Requests that it has counted, at whichever end. */
  count(): Promise<number> {
    return this.sum('skep_agent_requests_total');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL');
  }
}
