/** How often a process must have come round to its timers before what it waits for is late: a tenth of what it does at leisure. */
const ROUNDS = 15;
const ROUND_MS = 20;

/**
 * How long to wait for what happens in this process itself. A starved one that finds the time over has not been able to do
 * what it waits for, so that its own rounds count as well: over when the time is, and it has come round to its timers that often.
 */
export class Patience implements Disposable {
  readonly #abort = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(ms: number) {
    const end = performance.now() + ms;
    let rounds = 0;
    // Node makes up for no round that it missed.
    this.#timer = setInterval(() => {
      if (++rounds >= ROUNDS && performance.now() >= end) this.#abort.abort();
    }, ROUND_MS);
  }

  get over(): boolean {
    return this.signal.aborted;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
