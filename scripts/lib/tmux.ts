/** A terminal that nobody sits at: a tmux server of its own, with one window. */
import { execFileSync } from 'node:child_process';
import { until } from './services.ts';

export class Screen implements Disposable {
  readonly columns: number;
  readonly rows: number;
  readonly #socket: string;

  /** @param command run by tmux's shell; `env` is added to this process's environment */
  constructor(command: string, size: { columns: number; rows: number }, env: NodeJS.ProcessEnv = {}) {
    this.columns = size.columns;
    this.rows = size.rows;
    this.#socket = `skep-screen-${process.pid}`;
    const args = [
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      '-x',
      `${size.columns}`,
      '-y',
      `${size.rows}`,
      command,
    ];
    this.#tmux(args, { ...process.env, COLORTERM: 'truecolor', ...env });
    this.#tmux(['set', '-g', 'status', 'off']);
  }

  /** What is on the screen; with `styled` also its colours, as escape sequences. */
  text(styled = false): string {
    return this.#tmux(['capture-pane', '-p', ...(styled ? ['-e', '-N'] : [])]);
  }

  /** Presses keys, by tmux's names for them. */
  press(...keys: string[]): void {
    this.#tmux(['send-keys', ...keys]);
  }

  /** Waits until the screen shows something. */
  async shows(what: RegExp): Promise<void> {
    await until(`${what} on the screen`, () => what.test(this.text()) || undefined);
  }

  [Symbol.dispose](): void {
    this.#tmux(['kill-server']);
  }

  #tmux(args: string[], env?: NodeJS.ProcessEnv): string {
    return execFileSync('tmux', ['-L', this.#socket, ...args], { encoding: 'utf8', env: env ?? process.env });
  }
}
