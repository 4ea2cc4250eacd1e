/** A terminal that nobody sits at: a tmux server of its own, with one window. */
import { execFileSync } from 'node:child_process';
import { until } from '../../scripts/lib/services.ts';

export interface ScreenOptions {
  columns: number;
  rows: number;
  /** The environment of what runs in there; this process's unless said. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

let started = 0;

export class Screen implements Disposable {
  readonly #socket = `skep-screen-${process.pid}-${++started}`;

  /** @param command a program and its arguments, or one text for the shell */
  constructor(command: readonly string[], { columns, rows, env = process.env, cwd }: ScreenOptions) {
    const size = ['-x', `${columns}`, '-y', `${rows}`];
    const args = ['-f', '/dev/null', 'new-session', '-d', ...size, ...command];
    execFileSync('tmux', ['-L', this.#socket, ...args, ';', 'set', '-g', 'status', 'off'], { env, cwd });
  }

  /** What is on the screen; with `styled` also its colours, as escape sequences. */
  text(styled = false): string {
    return this.#tmux('capture-pane', '-p', ...(styled ? ['-e', '-N'] : []));
  }

  /** Presses keys, in tmux's words: `Enter`, `Down`, or a text. */
  press(...keys: string[]): void {
    this.#tmux('send-keys', ...keys);
  }

  /** Waits until the screen shows something, and returns it. A terminal tells nobody when it changes: so it is asked. */
  async until(wanted: string | RegExp, ms = 60_000): Promise<string> {
    let screen = '';
    const shown = (): string | undefined => {
      screen = this.text();
      return (typeof wanted === 'string' ? screen.includes(wanted) : wanted.test(screen))
        ? screen
        : undefined;
    };
    return until(`${wanted}`, shown, ms).catch((error: Error) => {
      throw new Error(`${error.message}; the screen:\n${screen}`);
    });
  }

  [Symbol.dispose](): void {
    this.#tmux('kill-server');
  }

  #tmux(...args: string[]): string {
    return execFileSync('tmux', ['-L', this.#socket, ...args], { encoding: 'utf8' });
  }
}
