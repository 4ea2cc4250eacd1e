/**
 * A guide's commands, run as they stand in its text: every ```sh block, in order, in one bash session. A ```text block
 * after the words "It says:" is what the block before must have printed, where `…` stands for any text within a line
 * and a line of only `…` for any lines.
 *
 * Whatever the commands leave running belongs to the session and ends with it.
 */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Step {
  /** Line of the block in the text, from 1. */
  line: number;
  commands: string;
  expected?: string;
  /** The text up to the next block, or to the end: where images and links are. */
  after: string;
}

/** The steps of a Markdown text. */
export function steps(markdown: string): Step[] {
  const found: Step[] = [];
  let line = 1;
  let lead = '';
  for (const part of markdown.split(/^(```[\s\S]*?^```$)/m)) {
    const block = /^```(\w*)\n([\s\S]*)^```$/m.exec(part);
    const last = found.at(-1);
    if (block?.[1] === 'sh') {
      found.push({ line, commands: block[2]!, after: '' });
    } else if (block?.[1] === 'text' && /It says:\s*$/.test(lead) && last) {
      last.expected = block[2]!;
    } else if (!block && last) {
      last.after += part;
    }
    if (!block) lead = part;
    line += part.split('\n').length - 1;
  }
  return found;
}

/** Whether what was printed is what the text shows; else the first expected line that has no match, as a sentence. */
export function mismatch(expected: string, printed: string): string | undefined {
  const lines = printed.split('\n').map((text) => text.trim());
  let at = 0;
  let anywhere = false;
  for (const want of expected.trimEnd().split('\n')) {
    if (want.trim() === '…') {
      anywhere = true;
      continue;
    }
    const pattern = new RegExp(`^${want.trim().split('…').map(escaped).join('.*')}$`);
    const end = anywhere ? lines.length : at + 1;
    const found = lines.slice(at, end).findIndex((text) => pattern.test(text));
    if (found < 0) return `no line "${want}" in:\n${lines.slice(at, end).join('\n')}`;
    at += found + 1;
    anywhere = false;
  }
  return undefined;
}

/** Blanks stand for any blanks, as columns are as wide as their widest cell. */
function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\s+/g, '\\s+');
}

/** One bash, fed block by block. */
export class Session implements AsyncDisposable {
  readonly #bash: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<unknown>;
  readonly #guard: ChildProcess;
  #output = '';
  #heard: () => void = () => undefined;
  #blocks = 0;

  /**
   * @param cwd where it begins; `env` is all that it knows of the world
   * @param undo commands that take away what outlives a killed process, should we be killed
   */
  constructor(cwd: string, env: NodeJS.ProcessEnv, undo: string) {
    // A process group of its own, so that what the commands left in the background can be ended with it.
    this.#bash = spawn('bash', ['--norc', '--noprofile'], { cwd, env, detached: true });
    this.#ended = once(this.#bash, 'exit');
    // Its input ends when we do, whatever ends us.
    const watch = `read -r _; kill -s KILL -- -$1; ${undo}`;
    this.#guard = spawn('sh', ['-c', watch, 'sh', `${this.#bash.pid}`], {
      env,
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    for (const stream of [this.#bash.stdout, this.#bash.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        this.#heard();
      });
    }
    this.#bash.on('exit', () => this.#heard());
  }

  /** Runs a block; what it printed, on either stream, and its last command's status. */
  async run(commands: string, timeoutMs = 60_000): Promise<{ status: number; printed: string }> {
    const mark = `@@block ${++this.#blocks} `;
    // The first stream's mark could overtake the second's text, so the errors of the session go the same way.
    this.#bash.stdin.write(`exec 2>&1\n${commands}\nprintf '\\n${mark}%s\\n' "$?"\n`);
    const end = new RegExp(`\\n${mark}(\\d+)\\n`);
    const signal = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const found = end.exec(this.#output);
      if (found) {
        const printed = this.#output.slice(0, found.index);
        this.#output = this.#output.slice(found.index + found[0].length);
        return { status: Number(found[1]), printed };
      }
      if (this.#bash.exitCode !== null || this.#bash.signalCode !== null)
        throw new Error(`bash ended:\n${this.#output}`);
      if (signal.aborted) throw new Error(`not done after ${timeoutMs / 1000} s:\n${this.#output}`);
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#guard.kill('SIGKILL');
    try {
      process.kill(-this.#bash.pid!, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    await this.#ended;
  }
}
