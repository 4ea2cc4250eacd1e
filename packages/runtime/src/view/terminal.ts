import { writeSync } from 'node:fs';

/** What the view reads keys from: `process.stdin`, or any readable stream in tests. */
export interface ViewInput {
  readonly isTTY?: boolean;
  setRawMode?(on: boolean): unknown;
  on(event: string, listener: (chunk: Uint8Array | string) => void): unknown;
  off(event: string, listener: (chunk: Uint8Array | string) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

/** What the view paints on: `process.stdout`, or anything with a size in tests. */
export interface ViewOutput {
  readonly columns?: number;
  readonly rows?: number;
  readonly fd?: number;
  write(text: string): boolean;
  on(event: string, listener: (chunk: Uint8Array | string) => void): unknown;
  off(event: string, listener: (chunk: Uint8Array | string) => void): unknown;
}

/** What the terminal tells the view. */
export interface TerminalEvents {
  data(chunk: Uint8Array): void;
  resize(): void;
  drain(): void;
  /** The terminal went away, or the process was told to end. */
  gone(): void;
}

/** Alternate screen, cursor hidden, no automatic wrap. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[0m\x1b[2J';
/** The reverse, and out of a synchronized update that a crash may have left open. */
const LEAVE = '\x1b[?2026l\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l';
const SIGNALS = ['SIGTERM', 'SIGHUP', 'SIGINT'] as const;

/**
 * The terminal while the view has it: raw keys in, whole frames out, and put back as it was whatever
 * ends the process: a normal stop, an uncaught error, `process.exit`, SIGTERM, SIGHUP, SIGINT or ctrl-z.
 * (After SIGKILL nobody can; `reset` mends that.)
 */
export class Terminal {
  readonly #input: ViewInput;
  readonly #output: ViewOutput;
  readonly #events: TerminalEvents;
  readonly #remote: boolean;
  #active = false;
  #open = false;
  #blocked = false;

  /** @param remote that of another process, which looks after it itself */
  constructor(input: ViewInput, output: ViewOutput, events: TerminalEvents, remote = false) {
    this.#remote = remote;
    this.#input = input;
    this.#output = output;
    this.#events = events;
  }

  get columns(): number {
    return Math.max(1, this.#output.columns || 80);
  }

  get rows(): number {
    return Math.max(1, this.#output.rows || 24);
  }

  /** False while the terminal has not taken the last frame: painting more would only pile up memory. */
  get writable(): boolean {
    return this.#active && !this.#blocked;
  }

  /** Takes the terminal over. */
  enter(): void {
    if (this.#open) return;
    this.#open = true;
    this.#input.on('data', this.#data);
    this.#input.on('end', this.#gone);
    this.#input.on('error', this.#gone);
    this.#output.on('resize', this.#resize);
    this.#output.on('drain', this.#drain);
    this.#output.on('error', this.#gone);
    if (!this.#remote) this.#guard();
    this.#take();
  }

  #guard(): void {
    process.on('exit', this.#exit);
    // Before whoever tells of the error, lest it stand on the screen that goes.
    process.on('uncaughtExceptionMonitor', this.#exit);
    process.on('SIGCONT', this.#resumed);
    for (const signal of SIGNALS) process.on(signal, this.#signal);
  }

  /** Gives the terminal back; safe to call twice. */
  leave(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#release();
    this.#input.off('data', this.#data);
    this.#input.off('end', this.#gone);
    this.#input.off('error', this.#gone);
    this.#output.off('resize', this.#resize);
    this.#output.off('drain', this.#drain);
    process.off('exit', this.#exit);
    process.off('uncaughtExceptionMonitor', this.#exit);
    process.off('SIGCONT', this.#resumed);
    for (const signal of SIGNALS) process.off(signal, this.#signal);
    // The listener for output errors stays: a late EIO from a closed terminal must not end the process.
    this.#input.pause();
  }

  /** Sends one frame, which the terminal shows all at once where it knows synchronized updates. */
  frame(bytes: string): void {
    if (!this.#active || bytes === '') return;
    this.#blocked = !this.#output.write(`\x1b[?2026h${bytes}\x1b[?2026l`);
  }

  /** Ctrl-z: gives the terminal to the shell and stops, until `fg`. */
  suspend(): void {
    if (!this.#active || this.#remote) return;
    this.#release();
    process.kill(process.pid, 'SIGTSTP');
  }

  #take(): void {
    this.#active = true;
    this.#blocked = false;
    this.#input.setRawMode?.(true);
    this.#input.resume();
    this.#now(ENTER);
  }

  #release(): void {
    if (!this.#active) return;
    this.#active = false;
    this.#now(LEAVE);
    try {
      this.#input.setRawMode?.(false);
    } catch (error) {
      // A terminal that was closed has no mode left to restore.
      if (!isTerminalGone(error)) throw error;
    }
  }

  /** Past the stream's queue: in an exit hook nothing queued would leave the process any more. */
  #now(text: string): void {
    if (this.#output.fd === undefined) {
      this.#output.write(text);
      return;
    }
    for (let rest = Buffer.from(text), tries = 0; rest.length > 0 && tries < 1000; tries++) {
      try {
        rest = rest.subarray(writeSync(this.#output.fd, rest));
      } catch (error) {
        if (isTerminalGone(error)) return;
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      }
    }
  }

  readonly #data = (chunk: Uint8Array | string): void => {
    this.#events.data(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  };
  readonly #resize = (): void => this.#events.resize();
  readonly #drain = (): void => {
    this.#blocked = false;
    this.#events.drain();
  };
  readonly #gone = (): void => {
    if (this.#open) this.#events.gone();
  };
  readonly #exit = (): void => this.#release();
  readonly #resumed = (): void => {
    if (!this.#open || this.#active) return;
    this.#take();
    this.#events.resize();
  };
  readonly #signal = (signal: NodeJS.Signals): void => {
    if (process.listenerCount(signal) > 1) return;
    // Nobody else ends the process in order, so it ends as it would have without us.
    this.leave();
    process.kill(process.pid, signal);
  };
}

function isTerminalGone(error: unknown): boolean {
  return ['EIO', 'EBADF', 'EPIPE', 'ENOTTY', 'ENXIO', 'EINVAL'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  );
}
