import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { main, type Sandbox } from './harness.ts';

const run = promisify(execFile);
let started = 0;

/** `skep` in a terminal of its own (tmux, with a server of its own): its screen to read, its keys to press. */
export class Terminal implements AsyncDisposable {
  readonly #server: string;

  private constructor(server: string) {
    this.#server = server;
  }

  /** Starts `skep` with these words, 90 columns by 40 lines. At its end the screen says `code 0`, or whatever it was. */
  static async start(box: Sandbox, words: readonly string[]): Promise<Terminal> {
    const terminal = new Terminal(`skep-cli-test-${process.pid}-${++started}`);
    const shell = 'node=$1; shift; "$node" "$@"; echo "code $?"; read line';
    const command = ['sh', '-c', shell, 'sh', process.execPath, main, ...words];
    const size = ['-x', '90', '-y', '40'];
    await run('tmux', ['-L', terminal.#server, '-f', '/dev/null', 'new-session', '-d', ...size, ...command], {
      env: { ...box.env, TERM: 'xterm-256color' },
      cwd: box.dir,
    });
    return terminal;
  }

  async #tmux(...words: string[]): Promise<string> {
    return (await run('tmux', ['-L', this.#server, ...words])).stdout;
  }

  /** Presses keys, in tmux's words: `Enter`, `Down`, or a text. */
  async press(...keys: string[]): Promise<void> {
    await this.#tmux('send-keys', ...keys);
  }

  /** Waits until the screen shows something, and returns it. A terminal tells nobody when it changes: so it is asked. */
  async until(wanted: string | RegExp): Promise<string> {
    const end = performance.now() + 10_000;
    for (;;) {
      const screen = await this.#tmux('capture-pane', '-p');
      if (typeof wanted === 'string' ? screen.includes(wanted) : wanted.test(screen)) return screen;
      assert.ok(performance.now() < end, `waited too long for ${wanted} at:\n${screen}`);
      await delay(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux('kill-server');
  }
}
